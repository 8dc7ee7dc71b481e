/** A server under test: a process of its own, and those that it starts. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { THREADS_FILE } from '../apps/threads.js'
import { type CpuTimes, cpuTimes, type MeasuredProcess, type Part } from '../cpu.js'
import type { Scope } from '../support/scope.js'
import { orAborted } from '../support/signals.js'

const PRELOAD = new URL('../apps/preload.js', import.meta.url).href
/** Longest time to be ready, ms: a loaded machine must not look like a broken server. */
const START_MS = 60_000
/** After that a process that was told to stop is killed, ms. */
const STOP_MS = 5_000
/** What is kept of what it complained about, for the error when it ends: lines. */
const COMPLAINTS_MAX = 20

/** How to start one. */
export interface ProcessOptions {
  readonly name: string
  /** Module, and arguments. */
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
  /** The line it prints once it serves. */
  readonly ready: RegExp
  /** A folder of its own. */
  readonly folder: string
  /** What its main thread is. */
  readonly main: Part
  /** Stops it. */
  readonly scope: Scope
  /** Ends the wait for it to be ready. */
  readonly signal: AbortSignal
}

export class PeerProcess {
  /** Rejects when it ends before it is stopped. */
  readonly died: Promise<never>
  readonly #child: ChildProcess
  readonly #threads: string
  readonly #main: Part
  readonly #complaints: string[] = []
  #stopping = false

  /** @throws Error when it ends before it serves, or does not in time; the signal's reason */
  static async start(options: ProcessOptions): Promise<PeerProcess> {
    const process = new PeerProcess(options)
    options.scope.teardown(() => process.#stop())
    const enough = AbortSignal.any([options.signal, AbortSignal.timeout(START_MS)])
    await orAborted(Promise.race([process.#says(options.ready), process.died]), enough)
    return process
  }

  private constructor({ name, args, env, folder, main }: ProcessOptions) {
    this.#threads = join(folder, `threads-${name}`)
    this.#main = main
    this.#child = spawn(process.execPath, ['--import', PRELOAD, ...args], {
      env: { PATH: process.env.PATH, NODE_ENV: 'production', [THREADS_FILE]: this.#threads, ...env },
      // The channel is how it notices that the bench was killed: see ../apps/preload.ts.
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    })
    if (this.#child.stderr !== null) this.#keepLines(this.#child.stderr)
    this.died = once(this.#child, 'exit').then(([code, signal]) => {
      if (this.#stopping) return new Promise<never>(() => undefined)
      throw new Error(`${name} ended with ${code ?? signal}: ${this.#complaints.join('\n')}`)
    })
    // Whoever measures gets it; between two measurements nobody waits.
    this.died.catch(() => undefined)
  }

  /** @returns CPU time so far of each part, ns; with that of processes it did not start */
  async cpuTimes(others: readonly MeasuredProcess[]): Promise<CpuTimes> {
    const own = { pid: this.#child.pid ?? 0, main: this.#main, rest: 'other' } as const
    return await cpuTimes([own, ...others], await readFile(this.#threads, 'utf8'))
  }

  async #stop(): Promise<void> {
    this.#stopping = true
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return
    const ended = once(this.#child, 'exit')
    this.#child.kill('SIGTERM')
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS)
    await ended
    clearTimeout(timer)
  }

  #says(wanted: RegExp): Promise<void> {
    return new Promise(resolve => {
      if (this.#child.stdout === null) return
      this.#keepLines(this.#child.stdout, line => {
        if (wanted.test(line)) resolve()
      })
    })
  }

  /** Reads on for as long as it prints: a pipe that nobody empties would stop it. */
  #keepLines(stream: NodeJS.ReadableStream, onLine: (line: string) => void = () => undefined): void {
    createInterface(stream).on('line', line => {
      onLine(line)
      this.#complaints.push(line)
      if (this.#complaints.length > COMPLAINTS_MAX) this.#complaints.shift()
    })
  }
}

/** @returns the path of a compiled module of this project, from the folder of the bench */
export function modulePath(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url))
}
