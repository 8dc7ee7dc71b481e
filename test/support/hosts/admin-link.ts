/** The admin listener of a web host in a network of its own. */
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { ClusterStatus } from '../../../lib/director/cluster.js'
import { forkOn } from './fork.js'

/** Test → admin-process.ts. */
export interface AdminCall {
  readonly id: number
  readonly url: string
  readonly method: 'GET' | 'POST'
}

/** admin-process.ts → test. */
export interface AdminResult {
  readonly id: number
  readonly status: number
  readonly body: unknown
}

export class AdminLink {
  readonly #url: string
  readonly #child: ChildProcess
  readonly #ended: Promise<never>
  #calls = 0

  /** @param command what runs a program on its host, see network.ts */
  constructor(url: string, command: readonly string[]) {
    this.#url = url
    this.#child = forkOn(command, fileURLToPath(new URL('./admin-process.js', import.meta.url)))
    this.#child.setMaxListeners(0)
    this.#ended = once(this.#child, 'exit').then(() => {
      throw new Error('the process that asks the admin listener ended: its error is on standard error')
    })
    // Whoever calls afterwards is told.
    this.#ended.catch(() => undefined)
  }

  async status(): Promise<ClusterStatus> {
    return (await this.#call('GET', '/status')) as ClusterStatus
  }

  async kill(actor: string): Promise<void> {
    await this.#call('POST', `/actors/${actor}/kill`)
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }

  async #call(method: 'GET' | 'POST', path: string): Promise<unknown> {
    const id = this.#calls++
    const answered = new Promise<AdminResult>(resolve => {
      const onMessage = (result: AdminResult) => {
        if (result.id !== id) return
        this.#child.off('message', onMessage)
        resolve(result)
      }
      this.#child.on('message', onMessage)
    })
    this.#child.send({ id, url: `${this.#url}${path}`, method } satisfies AdminCall)
    return (await Promise.race([answered, this.#ended])).body
  }
}
