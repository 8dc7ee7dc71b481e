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
  /** JSON, or nothing. */
  readonly body: string | null
}

/** admin-process.ts → test. */
export interface AdminResult {
  readonly id: number
  /** 0 when there was no answer. */
  readonly status: number
  /** What the answer's JSON says; text when it is none. */
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
    const { status, body } = await this.send('GET', '/status')
    if (status !== 200) throw new Error(`/status answered ${status} ${body}`)
    return body as ClusterStatus
  }

  async kill(actor: string): Promise<void> {
    await this.send('POST', `/actors/${actor}/kill`)
  }

  close(): void {
    this.#child.kill('SIGKILL')
  }

  /** @param to path at the admin listener, or the URL of anything else that this host reaches */
  async send(method: 'GET' | 'POST', to: string, body: object | null = null): Promise<AdminResult> {
    const id = this.#calls++
    const answered = new Promise<AdminResult>(resolve => {
      const onMessage = (result: AdminResult) => {
        if (result.id !== id) return
        this.#child.off('message', onMessage)
        resolve(result)
      }
      this.#child.on('message', onMessage)
    })
    const url = to.startsWith('/') ? `${this.#url}${to}` : to
    const text = body === null ? null : JSON.stringify(body)
    this.#child.send({ id, url, method, body: text } satisfies AdminCall)
    return await Promise.race([answered, this.#ended])
  }
}
