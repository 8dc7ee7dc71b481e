/**
 * The connection as the app sees it: a net.Socket to those who use it, without a connection of its own. What is written
 * is held while the session's copies are under way, and goes on within the window. What can be read is up to the kinds:
 * `exchange-socket.ts`, `tunnel-socket.ts`.
 */

import type { AddressInfo } from 'node:net'
import { CHUNK_BYTES, SendWindow } from '../../transport/credits.js'
import { packBytes } from '../../transport/exchange-bytes.js'
import type { Bytes, RequestHead } from '../../transport/exchange-messages.js'
import { isMade, lazyDuplex, makeStream } from './lazy-duplex.js'
import { gather, rest, toBytes, type Written } from './written-bytes.js'

/** What happens at a virtual socket, told to its exchange. */
export interface SocketEvents {
  /** These bytes go to the client, now. */
  onBytes(bytes: Bytes): void
  /** Destroyed, by the app or since the client is gone. @param unsent what the app had written last, if it is still here */
  onDestroyed(error: Error | null, unsent: Bytes | null): void
  /** No traffic for as long as the app allowed. */
  onTimeout(): void
}

/** How a stream is told that a write is done. */
export type Callback = (error?: Error | null) => void

/** One write of the stream that waits for credit or for the session's copies. */
interface Stalled {
  bytes: Bytes
  readonly callback: Callback
}

/** One write of a response that is ended at once. */
interface Ending extends Written {
  readonly callback: Callback | undefined
}

/** Stands for a stream's state while a response is ended: how often node:http has corked it, which it also sets itself. */
interface EndingState {
  corked: number
}

/** See above. */
export abstract class VirtualSocket extends lazyDuplex({ decodeStrings: false, highWaterMark: CHUNK_BYTES }) {
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
  /** Null when no response is being ended, or the stream was made before. */
  #ending: EndingState | null = null
  /** What a response was ended with that has used this connection for nothing else: it goes on as a whole. */
  #whole: Ending[] | null = null

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
    this.#passWhole()
    this.#advance()
  }

  /** The app ends its response: what is written from here to {@link endingEnds} is all of it, as a rule. */
  endingBegins(): void {
    this.#ending = isMade(this) ? null : { corked: 0 }
  }

  endingEnds(): void {
    // It could not be ended after all: what has been written of it waits for the next end, as node:http has it.
    if (this.#whole !== null && this.#ending !== null && this.#ending.corked > 0) this.#make()
    this.#ending = null
    if (!this.#held) this.#passWhole()
  }

  /** From now on the app writes into the void: something else was answered in its place. */
  discard(): void {
    this.#discarding = true
    this.#held = false
    this.#passWhole()
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

  override write(...args: unknown[]): boolean {
    const [chunk, encoding, callback] = args
    // As node:http calls it; anything else is a stream's, which also refuses what can't be written.
    if (this.#ending !== null && !isMade(this) && isPlain(chunk, encoding)) {
      this.#whole ??= []
      this.#whole.push({
        chunk,
        encoding: encoding as BufferEncoding,
        callback: callback as Callback | undefined,
      })
      this.waitingLength += chunk.length
      return true
    }
    this.#make()
    return Reflect.apply(super.write, this, args)
  }

  override cork(): void {
    if (this.#ending !== null && !isMade(this)) {
      this.#ending.corked++
      return
    }
    this.#make()
    super.cork()
  }

  override uncork(): void {
    if (this.#ending !== null && !isMade(this)) {
      if (this.#ending.corked > 0) this.#ending.corked--
      if (this.#ending.corked === 0 && !this.#held) this.#passWhole()
      return
    }
    this.#make()
    super.uncork()
  }

  /** Hidden by the stream's own state once that is made. */
  get _writableState(): unknown {
    if (this.#ending !== null) return this.#ending
    this.#make()
    return this._writableState
  }

  get _readableState(): unknown {
    this.#make()
    return this._readableState
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

  /** The app wrote something: it goes on as soon as it may. */
  protected accept(bytes: Bytes, callback: Callback): void {
    this.bytesWritten += bytes.length
    this.touched()
    this.#stalled = { bytes, callback }
    if (!this.#held) this.#advance()
  }

  /** What has been written becomes writes of a stream like any other. */
  #make(): void {
    if (isMade(this)) return
    makeStream(this)
    const whole = this.#takeWhole()
    for (let corks = this.#ending?.corked ?? 0; corks > 0; corks--) super.cork()
    if (whole === null) return
    // As one write: its last part, which finishes the response, is done before the stream ends, if the app ends that too.
    super.cork()
    for (const { chunk, encoding, callback } of whole) super.write(chunk, encoding ?? 'utf8', callback)
    super.uncork()
  }

  #passWhole(): void {
    if (this.#whole === null) return
    if (this.waitingLength > CHUNK_BYTES) {
      this.#make()
      return
    }
    const whole = this.#takeWhole()
    if (whole === null) return
    const bytes = gather(whole)
    this.bytesWritten += bytes.length
    this.touched()
    if (!this.#discarding && bytes.length > 0) this.#pass(bytes, bytes.length)
    for (const { callback } of whole) if (typeof callback === 'function') process.nextTick(callback, null)
  }

  #takeWhole(): Ending[] | null {
    const whole = this.#whole
    this.#whole = null
    this.waitingLength = 0
    return whole
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

/** Whether it is a Buffer, or text in an encoding that exists: none stands for UTF-8. */
function isPlain(chunk: unknown, encoding: unknown): chunk is string | Buffer {
  if (typeof chunk !== 'string') return Buffer.isBuffer(chunk)
  if (encoding === 'utf8' || encoding === 'latin1' || encoding === undefined || encoding === null) return true
  return typeof encoding === 'string' && Buffer.isEncoding(encoding)
}

function familyOf(address: string | undefined): string | undefined {
  if (address === undefined) return undefined
  return address.includes(':') ? 'IPv6' : 'IPv4'
}
