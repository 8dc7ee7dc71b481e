/** Writes an answer as sealed blocks: everything that one tick produced makes one block. */
import type { ServerResponse } from 'node:http'
import { sealOf } from '../protocol/seal.js'
import { digestOf } from '../protocol/signature.js'

/** Largest block, characters: what the reader holds back until the seal arrives. A longer line is a block of its own. */
const BLOCK_CHARS_MAX = 256 * 1024

/** What seals an answer; null when the request was not signed. */
export type AnswerSeal = { readonly secret: string; readonly nonce: string } | null

/** Options of {@link AnswerWriter}. */
export interface AnswerWriterOptions {
  readonly seal: AnswerSeal
  readonly status: number
  /** Longest time for the other side to take what was written, ms; then it is cut off. */
  readonly stallTimeoutMs: number
  /** It was cut off for that. */
  onStall(): void
}

export class AnswerWriter {
  readonly #response: ServerResponse
  readonly #options: AnswerWriterOptions
  #lines = ''
  #index = 0
  #flushIsDue = false
  #ended = false

  constructor(response: ServerResponse, options: AnswerWriterOptions) {
    this.#response = response
    this.#options = options
    response.writeHead(options.status, { 'content-type': 'application/x-ndjson' })
  }

  /** Adds a line. After {@link end} it is dropped. */
  write(line: unknown): void {
    if (this.#ended) return
    this.#lines += `${JSON.stringify(line)}\n`
    if (this.#lines.length >= BLOCK_CHARS_MAX) {
      this.#response.write(this.#block(false))
    } else if (!this.#flushIsDue) {
      this.#flushIsDue = true
      setImmediate(() => this.#flush())
    }
  }

  /** Waits until what was written is on its way, so that one who does not read is sent no more. */
  async drained(): Promise<void> {
    if (this.#response.writableNeedDrain) await this.#happens('drain')
  }

  /** Seals the answer. @returns when it is on its way, or was cut off */
  async end(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#response.end(this.#block(true))
    if (!this.#response.writableFinished) await this.#happens('finish')
  }

  async #happens(event: 'drain' | 'finish'): Promise<void> {
    const response = this.#response
    if (response.destroyed) return
    await new Promise<void>(resolve => {
      const timer = setTimeout(() => {
        this.#options.onStall()
        response.destroy()
      }, this.#options.stallTimeoutMs)
      const go = (): void => {
        clearTimeout(timer)
        response.off(event, go)
        response.off('close', go)
        resolve()
      }
      response.on(event, go)
      response.on('close', go)
    })
  }

  #flush(): void {
    this.#flushIsDue = false
    if (this.#lines.length > 0 && !this.#ended) this.#response.write(this.#block(false))
  }

  #block(isLast: boolean): string {
    const lines = this.#lines
    this.#lines = ''
    const { secret = null, nonce = '' } = this.#options.seal ?? {}
    const index = this.#index++
    const digest = secret === null ? '' : digestOf(lines)
    return `${lines}${sealOf(secret, { nonce, status: this.#options.status, index, isLast, digest })}\n`
  }
}
