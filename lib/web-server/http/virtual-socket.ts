/**
 * The connection as the app sees it: a net.Socket to those who use it, without a connection of its own. What is written
 * is held while the session's copies are under way, and goes on within the window. What can be read is up to the kinds:
 * `exchange-socket.ts`, `tunnel-socket.ts`.
 */

import type { AddressInfo } from 'node:net'
import { CHUNK_BYTES, SendWindow } from '../../transport/credits.js'
import { packBytes } from '../../transport/exchange-bytes.js'
import type { Bytes, RequestHead } from '../../transport/exchange-messages.js'
import { WholeResponseStream } from './whole-response-stream.js'
import { type Callback, gather, rest, toBytes } from './written-bytes.js'

/** What happens at a virtual socket, told to its exchange. */
export interface SocketEvents {
  /** These bytes go to the client, now. */
  onBytes(bytes: Bytes): void
  /** Destroyed, by the app or since the client is gone. @param unsent what the app had written last, if it is still here */
  onDestroyed(error: Error | null, unsent: Bytes | null): void
  /** No traffic for as long as the app allowed. */
  onTimeout(): void
}

/** One write of the stream that waits for credit or for the session's copies. */
interface Stalled {
  bytes: Bytes
  readonly callback: Callback
}

/** See above. */
export abstract class VirtualSocket extends WholeResponseStream {
  /** True, or not there at all, as in net.Socket. */
  declare readonly encrypted?: true
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
  /** As in net.Socket: never true here. */
  readonly connecting = false
  readonly pending = false
  /** ms, as set by {@link setTimeout}. */
  timeout: number | undefined = undefined
  bytesRead = 0
  bytesWritten = 0

  readonly #events: SocketEvents
  readonly #window = new SendWindow()
  #stalled: Stalled | null = null
  #held = false
  #discarding = false
  #timer: NodeJS.Timeout | undefined = undefined

  constructor(head: RequestHead, events: SocketEvents) {
    super()
    this.#events = events
    if (head.encrypted) this.encrypted = true
    this.remoteAddress = head.remoteAddress
    this.remotePort = head.remotePort
    this.localAddress = head.localAddress
    this.localPort = head.localPort
  }

  // What the exchange does with it.

  /** From now on nothing goes to the client until {@link release}. */
  hold(): void {
    this.#held = true
  }

  release(): void {
    this.#held = false
    this.passWhole()
    this.#advance()
  }

  /** From now on the app writes into the void: something else was answered in its place. */
  discard(): void {
    this.#discarding = true
    this.#held = false
    this.passWhole()
    this.#advance()
  }

  /** The client took so many bytes. */
  credited(bytes: number): void {
    this.#window.credited(bytes)
    this.touched()
    this.#advance()
  }

  /** There was traffic: the idle time starts again. */
  touched(): void {
    this.#timer?.refresh()
  }

  /** The exchange is over, the object may live on. */
  retire(): void {
    clearTimeout(this.#timer)
  }

  // What node:http and apps expect of a net.Socket.

  get remoteFamily(): string | undefined {
    return familyOf(this.remoteAddress)
  }

  get localFamily(): string | undefined {
    return familyOf(this.localAddress)
  }

  get readyState(): string {
    return this.destroyed ? 'closed' : 'open'
  }

  address(): AddressInfo | Record<string, never> {
    if (this.localAddress === undefined || this.localPort === undefined) return {}
    return { address: this.localAddress, family: this.localFamily ?? '', port: this.localPort }
  }

  /** @param ms without traffic until 'timeout'; 0 for never */
  setTimeout(ms: number, onTimeout?: () => void): this {
    this.timeout = ms
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (ms > 0) {
      this.#timer = setTimeout(() => this.#timedOut(), ms).unref()
      if (onTimeout !== undefined) this.once('timeout', onTimeout)
    } else if (onTimeout !== undefined) this.off('timeout', onTimeout)
    return this
  }

  setNoDelay(): this {
    return this
  }

  setKeepAlive(): this {
    return this
  }

  ref(): this {
    return this
  }

  unref(): this {
    return this
  }

  destroySoon(): void {
    if (this.writable) this.end()
    if (this.writableFinished) this.destroy()
    else this.once('finish', this.destroy)
  }

  resetAndDestroy(): this {
    return this.destroy()
  }

  override _write(chunk: string | Buffer, encoding: BufferEncoding, callback: Callback): void {
    this.accept(toBytes(chunk, encoding), callback)
  }

  override _writev(parts: { chunk: string | Buffer; encoding: BufferEncoding }[], callback: Callback): void {
    this.accept(gather(parts), callback)
  }

  override _destroy(error: Error | null, callback: Callback): void {
    clearTimeout(this.#timer)
    const stalled = this.#stalled
    this.#stalled = null
    this.#events.onDestroyed(error, stalled?.bytes ?? null)
    stalled?.callback(error)
    // A connection's error belongs to node:http, which listens to it; here only the app can.
    const told = this.listenerCount('error') > 0 ? error : null
    // A turn of the loop later, as a real connection: frameworks know the order of events that follows from it.
    setImmediate(callback, told)
  }

  protected override get isHeld(): boolean {
    return this.#held
  }

  protected override acceptWhole(bytes: Bytes): void {
    this.bytesWritten += bytes.length
    this.touched()
    if (!this.#discarding && bytes.length > 0) this.#pass(bytes, bytes.length)
  }

  /** The app wrote something: it goes on as soon as it may. */
  protected accept(bytes: Bytes, callback: Callback): void {
    this.bytesWritten += bytes.length
    this.touched()
    this.#stalled = { bytes, callback }
    if (!this.#held) this.#advance()
  }

  #timedOut(): void {
    // node:http hears of it before the app's own listeners do.
    this.#events.onTimeout()
    this.emit('timeout')
  }

  /** Passes on what the window allows; what is left stays the stream's one unfinished write, its back-pressure. */
  #advance(): void {
    while (this.#stalled !== null && !this.#held) {
      const { bytes, callback } = this.#stalled
      const size = this.#discarding
        ? bytes.length
        : Math.min(bytes.length, this.#window.available, CHUNK_BYTES)
      if (size <= 0 && bytes.length > 0) return
      if (size < bytes.length) this.#stalled.bytes = rest(bytes, size)
      else this.#stalled = null
      if (size > 0 && !this.#discarding) this.#pass(bytes, size)
      if (this.#stalled === null) callback()
    }
  }

  #pass(bytes: Bytes, size: number): void {
    this.#window.sent(size)
    if (typeof bytes === 'string') this.#events.onBytes(size < bytes.length ? bytes.slice(0, size) : bytes)
    else this.#events.onBytes(packBytes(bytes.subarray(0, size)))
  }
}

function familyOf(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  return address.includes(':') ? 'IPv6' : 'IPv4'
}
