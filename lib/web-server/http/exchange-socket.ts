/**
 * The connection of one request and its response. What the response writes is raw HTTP/1.1. The reading side carries
 * nothing: bodies are pushed into the request itself, as node's own parser does.
 */
import type { RequestHead } from '../../transport/exchange-messages.js'
import { type SocketEvents, VirtualSocket } from './virtual-socket.js'
import type { Callback } from './written-bytes.js'

/** What happens at an exchange's socket. */
export interface ExchangeSocketEvents extends SocketEvents {
  /** The request's body is wanted: node resumes a socket when its request is read. */
  onBodyWanted(): void
}

/** See above. */
export class ExchangeSocket extends VirtualSocket {
  readonly #exchange: ExchangeSocketEvents

  constructor(head: RequestHead, events: ExchangeSocketEvents) {
    super(head, events)
    this.#exchange = events
  }

  override resume(): this {
    this.#exchange.onBodyWanted()
    return this
  }

  override pause(): this {
    return this
  }

  override _read(): void {}

  /** The app ended the connection itself: both directions go, as an HTTP connection is of no use half open. */
  override _final(callback: Callback): void {
    callback()
    this.destroy()
  }
}
