/** One host of a deployment under test: `troupe start --host NAME` as a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { LogLine } from '../cluster.js'
import { until } from '../until.js'

const MAIN = fileURLToPath(new URL('../../../lib/cli/main.js', import.meta.url))

/** How to start it. */
export interface HostOptions {
  readonly name: string
  readonly configFile: string
  /** What the command line begins with, see network.ts. */
  readonly command: readonly string[]
  readonly env: Readonly<Record<string, string>>
}

export class TestHost {
  readonly name: string
  /** Its log, over all its lives. */
  readonly logged: LogLine[] = []
  /** What it printed that is no log. */
  readonly printed: string[] = []
  readonly #options: HostOptions
  #child: ChildProcess | null = null

  constructor(options: HostOptions) {
    this.name = options.name
    this.#options = options
    this.start()
  }

  /** Starts it, for the first time or again with what is on its disk. */
  start(): void {
    const { name, configFile, command, env } = this.#options
    const [program = '', ...args] = [...command, process.execPath, '--enable-source-maps', MAIN]
    const child = spawn(program, [...args, 'start', '--config', configFile, '--host', name], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    this.#child = child
    createInterface(child.stdout).on('line', line => this.#take(line))
    createInterface(child.stderr).on('line', line => this.printed.push(line))
  }

  /** Waits for a line of its log. */
  async says(message: string): Promise<LogLine> {
    const find = () => this.logged.find(({ msg }) => msg.startsWith(message))
    await until(() => {
      if (find() === undefined && this.#child?.exitCode !== null) {
        throw new Error(`${this.name} ended before it said ${message}: ${this.printed.join('\n')}`)
      }
      return find() !== undefined
    })
    return find() ?? { msg: message }
  }

  /** Whether its process is there, suspended or not. */
  get isAlive(): boolean {
    const child = this.#child
    return child !== null && child.exitCode === null && child.signalCode === null
  }

  /** Sends a signal to its process. */
  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal)
  }

  /** Ends it at once. */
  async kill(): Promise<void> {
    await this.#endBy('SIGKILL')
  }

  /** Stops it in order. @returns its exit code */
  async stop(): Promise<number | null> {
    return await this.#endBy('SIGTERM')
  }

  async #endBy(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#child
    if (child === null || child.exitCode !== null || child.signalCode !== null) return null
    const ended = once(child, 'exit')
    child.kill(signal)
    const [code] = (await ended) as [number | null]
    return code
  }

  #take(line: string): void {
    if (line.startsWith('{')) this.logged.push(JSON.parse(line))
    else this.printed.push(line)
  }
}
