/**
 * The connection of a tunnel: what the client sends is read from it, with back-pressure to the client, and either end
 * can end its own direction while the other goes on, as with the sockets of node's http server.
 */
import { CreditMeter } from '../../transport/credits.js'
import { bufferOf, sizeOf } from '../../transport/exchange-bytes.js'
import type { Bytes, RequestHead } from '../../transport/exchange-messages.js'
import { type SocketEvents, VirtualSocket } from './virtual-socket.js'
import type { Callback } from './written-bytes.js'

/** What happens at a tunnel's socket. */
export interface TunnelSocketEvents extends SocketEvents {
  /** The app writes this. @returns what to send instead */
  onWriting(bytes: Bytes): Bytes
  /** The app has ended its direction; everything before has been passed on. */
  onEnded(): void
  /** The app took so many bytes of what the client sent. */
  onTaken(bytes: number): void
}

/** See above. */
export class TunnelSocket extends VirtualSocket {
  readonly #events: TunnelSocketEvents
  readonly #credits = new CreditMeter()
  /** Bytes that were pushed but that the app has not asked for yet. */
  #unasked = 0

  constructor(head: RequestHead, events: TunnelSocketEvents) {
    super(head, events)
    this.#events = events
  }

  /** The client sent something. */
  receive(bytes: Bytes): void {
    if (this.destroyed || this.readableEnded) return
    this.touched()
    this.bytesRead += sizeOf(bytes)
    if (this.push(bufferOf(bytes))) this.#taken(sizeOf(bytes))
    else this.#unasked += sizeOf(bytes)
  }

  /** The client ended its direction. */
  receiveEnd(): void {
    if (this.destroyed) return
    this.push(null)
    // As net.Socket: an end with nothing unread before it is noticed by an app that does not read, too.
    this.read(0)
  }

  override _read(): void {
    const bytes = this.#unasked
    this.#unasked = 0
    if (bytes > 0) this.#taken(bytes)
  }

  override _final(callback: Callback): void {
    this.#events.onEnded()
    callback()
  }

  protected override accept(bytes: Bytes, callback: Callback): void {
    super.accept(this.#events.onWriting(bytes), callback)
  }

  #taken(bytes: number): void {
    const credit = this.#credits.consumed(bytes)
    if (credit > 0) this.#events.onTaken(credit)
  }
}
