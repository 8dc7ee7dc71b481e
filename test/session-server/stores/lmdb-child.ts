/** Runs lmdb-process.ts and listens to what it says. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { until } from '../../support/until.js'

const FILE = fileURLToPath(new URL('lmdb-process.js', import.meta.url))

/** A session server in a process of its own. */
export class LmdbChild {
  /** What it said, line by line. */
  readonly said: string[] = []
  readonly #process: ChildProcess
  readonly #closed: Promise<unknown>

  /**
   * @param batches number of the first that it sends itself, and, if it is to kill itself in the middle of a compaction,
   * after how many that is
   * @param command what is run, in place of node itself; it gets node and its arguments
   */
  constructor(path: string, batches: readonly number[] = [], command: readonly string[] = []) {
    const [program = '', ...rest] = [
      ...command,
      process.execPath,
      '--enable-source-maps',
      FILE,
      path,
      ...batches.map(String),
    ]
    this.#process = spawn(program, rest, { stdio: ['ignore', 'pipe', 'inherit'] })
    this.#closed = once(this.#process, 'close')
    if (this.#process.stdout !== null) {
      createInterface(this.#process.stdout).on('line', line => this.said.push(line))
    }
  }

  /** The last batch that it acknowledged; they are acknowledged in order. */
  get acknowledged(): number {
    return Math.max(0, ...this.said.map(Number).filter(Number.isInteger))
  }

  async says(condition: (said: readonly string[]) => boolean): Promise<void> {
    await until(() => condition(this.said))
  }

  /** SIGKILL; resolves when it is gone and all that it said was heard. Idempotent. */
  async kill(): Promise<void> {
    this.#process.kill('SIGKILL')
    await this.#closed
  }

  /** Resolves when it has ended by itself. */
  async ended(): Promise<void> {
    await this.#closed
  }
}
