/** A load of clients that count in their sessions, in a process of its own. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { forkOn } from './hosts/fork.js'
import type { LoadOptions, Tally } from './load-client.js'

/** Test → load. */
export type ToLoad =
  | { readonly type: 'run'; readonly options: LoadOptions }
  | { readonly type: 'report' }
  | { readonly type: 'stop' }

/** Load → test. */
export interface FromLoad {
  /** Every client has ended, after a last read of all its sessions. */
  readonly ended: boolean
  readonly tally: Tally
}

/** A running load. */
export class Load {
  readonly #child: ChildProcess
  readonly #exited: Promise<unknown>
  readonly #startedAt = performance.now()

  /** @param command what runs its process on another host, see hosts/network.ts */
  constructor(options: LoadOptions, command: readonly string[] = []) {
    this.#child = forkOn(command, fileURLToPath(new URL('./load-process.js', import.meta.url)))
    this.#exited = once(this.#child, 'exit')
    this.#tell({ type: 'run', options })
  }

  /** Since its start, ms. */
  get ranMs(): number {
    return performance.now() - this.#startedAt
  }

  /** @returns what has become of it so far */
  report(): Promise<Tally> {
    return this.#ask({ type: 'report' })
  }

  /** Lets every client finish its request and read its sessions once more. @returns what became of the load */
  async stop(): Promise<Tally> {
    const tally = await this.#ask({ type: 'stop' })
    await this.#exited
    return tally
  }

  /** Ends it at once. */
  kill(): void {
    this.#child.kill('SIGKILL')
  }

  async #ask(message: ToLoad): Promise<Tally> {
    const answer = once(this.#child, 'message')
    const ended = this.#exited.then(() => {
      throw new Error('the load ended by itself: its error is on standard error')
    })
    this.#tell(message)
    const [{ tally }] = (await Promise.race([answer, ended])) as [FromLoad]
    return tally
  }

  #tell(message: ToLoad): void {
    this.#child.send(message)
  }
}
