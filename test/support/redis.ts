/**
 * Real Redis servers for tests: each on a free port of loopback, in a folder of its own, ended when the test ends.
 * Test files that use them call `needs('redis-server')`.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import type { Test } from 'tap'
import { freePort } from './free-port.js'
import { until } from './until.js'

/** Options of redis-server, as in `--maxmemory 10mb`. */
export type RedisSettings = Readonly<Record<string, string>>

/** Nothing is written to disk unless a test wants it. */
const VOLATILE: RedisSettings = { save: '', appendonly: 'no' }
/** Every change is on disk before it is answered. */
export const PERSISTENT: RedisSettings = { save: '', appendonly: 'yes', appendfsync: 'always' }

export class TestRedis {
  readonly port: number
  readonly #folder: string
  readonly #settings: RedisSettings
  #process: ChildProcess | null = null

  private constructor(port: number, folder: string, settings: RedisSettings) {
    this.port = port
    this.#folder = folder
    this.#settings = settings
  }

  static async start(t: Pick<Test, 'teardown'>, settings: RedisSettings = {}): Promise<TestRedis> {
    const folder = mkdtempSync(join(tmpdir(), 'troupe-redis-'))
    const redis = new TestRedis(await freePort(), folder, { ...VOLATILE, ...settings })
    t.teardown(async () => {
      await redis.kill()
      rmSync(folder, { recursive: true, force: true })
    })
    await redis.run()
    return redis
  }

  get url(): string {
    return `redis://127.0.0.1:${this.port}`
  }

  /** Starts it, again with the same folder; resolves when it answers. */
  async run(): Promise<void> {
    const settings = Object.entries(this.#settings).flatMap(([name, value]) => [`--${name}`, value])
    const where = ['--port', String(this.port), '--bind', '127.0.0.1', '--dir', this.#folder]
    const child = spawn('redis-server', [...where, ...settings], { stdio: 'ignore' })
    this.#process = child
    // If it can't be run this fails the test at once, instead of at its time limit.
    await once(child, 'spawn')
    await until(() => this.#answers())
  }

  /** Ends it as a lost machine would be. */
  async kill(): Promise<void> {
    const child = this.#process
    this.#process = null
    if (child === null || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  /** It stands still: connections stay, nothing is answered. */
  freeze(): void {
    this.#process?.kill('SIGSTOP')
  }

  thaw(): void {
    this.#process?.kill('SIGCONT')
  }

  /** Sends one command on a connection of its own. */
  async command(...command: string[]): Promise<unknown> {
    const { requirepass } = this.#settings
    const password = requirepass === undefined ? {} : { password: requirepass }
    const client = createClient({ url: this.url, ...password, socket: { reconnectStrategy: false } })
    // The same error rejects what is awaited below.
    client.on('error', () => {})
    await client.connect()
    try {
      return await client.sendCommand(command)
    } finally {
      client.destroy()
    }
  }

  /** Keys that match, sorted. */
  async keys(pattern = '*'): Promise<string[]> {
    return ((await this.command('KEYS', pattern)) as string[]).sort()
  }

  async #answers(): Promise<boolean> {
    if (this.#process?.exitCode !== null) throw new Error('redis-server ended at its start')
    try {
      return (await this.command('PING')) === 'PONG'
    } catch {
      // Not yet: it is starting, or loading its data.
      return false
    }
  }
}
