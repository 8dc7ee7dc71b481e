/**
 * A connection on which a response that is ended at once, as most are, goes on as a whole: node:http corks it, writes head
 * and body, and uncorks it, for which no state of a stream is needed. Whatever else is done with the connection makes it a
 * stream like any other, with the same writes.
 */
import { CHUNK_BYTES } from '../../transport/credits.js'
import type { Bytes } from '../../transport/exchange-messages.js'
import { isMade, lazyDuplex, makeStream } from './lazy-duplex.js'
import { type Callback, gather, type Written } from './written-bytes.js'

/** One write of a response that is ended at once. */
interface Ending extends Written {
  readonly callback: Callback | undefined
}

/** Stands for a stream's state while a response is ended: how often node:http has corked it, which it also sets itself. */
interface EndingState {
  corked: number
}

/** See above. */
export abstract class WholeResponseStream extends lazyDuplex({
  decodeStrings: false,
  highWaterMark: CHUNK_BYTES,
}) {
  /** Null when no response is being ended, or the stream was made before. */
  #ending: EndingState | null = null
  /** What a response was ended with that has used this connection for nothing else. */
  #whole: Ending[] | null = null

  /** The app ends its response: what is written from here to {@link endingEnds} is all of it, as a rule. */
  endingBegins(): void {
    this.#ending = isMade(this) ? null : { corked: 0 }
  }

  endingEnds(): void {
    // It could not be ended after all: what has been written of it waits for the next end, as node:http has it.
    if (this.#whole !== null && this.#ending !== null && this.#ending.corked > 0) this.#make()
    this.#ending = null
    if (!this.isHeld) this.passWhole()
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
      if (this.#ending.corked === 0 && !this.isHeld) this.passWhole()
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

  /** Nothing goes to the client at present. */
  protected abstract get isHeld(): boolean

  /** A response goes to the client, whatever is left of the window: it is no larger than a chunk. */
  protected abstract acceptWhole(bytes: Bytes): void

  /** What has been written of a response goes on now, if it waits. */
  protected passWhole(): void {
    if (this.#whole === null) return
    if (this.waitingLength > CHUNK_BYTES) {
      this.#make()
      return
    }
    const whole = this.#takeWhole()
    if (whole === null) return
    this.acceptWhole(gather(whole))
    for (const { callback } of whole) if (typeof callback === 'function') process.nextTick(callback, null)
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

  #takeWhole(): Ending[] | null {
    const whole = this.#whole
    this.#whole = null
    this.waitingLength = 0
    return whole
  }
}

/** Whether it is a Buffer, or text in an encoding that exists: none stands for UTF-8. */
function isPlain(chunk: unknown, encoding: unknown): chunk is string | Buffer {
  if (typeof chunk !== 'string') return Buffer.isBuffer(chunk)
  if (encoding === 'utf8' || encoding === 'latin1' || encoding === undefined || encoding === null) return true
  return typeof encoding === 'string' && Buffer.isEncoding(encoding)
}
