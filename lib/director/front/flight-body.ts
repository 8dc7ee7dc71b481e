/**
 * The body of one request at the front: kept while it is small enough to be sent a second time, or while nobody has
 * taken any of it; passed on within the window, and paused at the client whenever neither is possible.
 */
import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { CHUNK_BYTES, SendWindow } from '../../transport/credits.js'
import { packBytes, transferOf } from '../../transport/exchange-bytes.js'
import type { Bytes, ExchangeId } from '../../transport/exchange-messages.js'
import type { WebServerLink } from './router.js'

/** A body up to this size survives the loss of the web server it was sent to, bytes. */
export const RETAINED_BYTES = CHUNK_BYTES

/** What there is of a body when its request is dispatched. */
export interface BodySoFar {
  readonly bytes: Bytes | null
  readonly ended: boolean
  readonly rawTrailers: readonly string[] | null
}

/** Reads one request's body from the moment it is made. */
export class FlightBody {
  /** All of it has arrived. */
  ended = false

  readonly #req: IncomingMessage
  readonly #source: Readable
  readonly #onData = (chunk: Buffer) => this.#arrived(chunk)
  readonly #onEnd = () => this.#complete()
  readonly #whole: () => void
  #kept: Buffer[] | null = []
  #arrivedBytes = 0
  /** The web server has taken some of it: it is the owner. */
  #isTaken = false
  #link: WebServerLink | null = null
  #id: ExchangeId = 0
  #window = new SendWindow()

  /**
   * @param whole called once, when the whole body has arrived
   * @param source what it is read from: the request itself, or the connection of a tunnel
   */
  constructor(req: IncomingMessage, whole: () => void, source: Readable = req) {
    this.#req = req
    this.#whole = whole
    this.#source = source
    source.on('data', this.#onData)
    source.on('end', this.#onEnd)
  }

  /** Whether all that has arrived is still here, so that it can be sent (again). */
  get replayable(): boolean {
    return this.#kept !== null
  }

  /** Hands over what is here, and from now on sends what arrives to this web server. Only while {@link replayable}. */
  sendTo(link: WebServerLink, id: ExchangeId): BodySoFar {
    this.#link = link
    this.#id = id
    this.#window = new SendWindow()
    this.#isTaken = false
    const kept = this.#kept ?? []
    const bytes =
      kept.length === 0 ? null : packBytes(kept.length === 1 && kept[0] ? kept[0] : Buffer.concat(kept))
    this.#window.sent(this.#arrivedBytes)
    this.#resumeIfOpen()
    return { bytes, ended: this.ended, rawTrailers: this.#trailers() }
  }

  /** The web server took so many bytes. */
  credited(bytes: number): void {
    this.#window.credited(bytes)
    this.#isTaken = true
    this.#forgetIfTooMuch()
    this.#resumeIfOpen()
  }

  /** Keeps what arrives until the next {@link sendTo}. */
  hold(): void {
    this.#link = null
    // What can't be sent again, or is unwanted, is not to be kept either.
    if (this.#kept !== null && this.#arrivedBytes > RETAINED_BYTES) this.#source.pause()
  }

  /** It will not be sent again: frees what was kept. */
  forget(): void {
    this.#kept = null
    this.#resumeIfOpen()
  }

  /** Nobody wants the rest: it is read and thrown away, so that the connection's next request can follow. */
  discard(): void {
    this.#kept = null
    this.#link = null
    this.#source.off('data', this.#onData)
    this.#source.off('end', this.#onEnd)
    this.#source.resume()
  }

  #arrived(chunk: Buffer): void {
    this.#kept?.push(chunk)
    this.#arrivedBytes += chunk.byteLength
    this.#forgetIfTooMuch()
    if (this.#link === null) {
      if (this.#arrivedBytes > RETAINED_BYTES) this.#source.pause()
      return
    }
    this.#window.sent(chunk.byteLength)
    const bytes = packBytes(chunk)
    this.#link.post({ type: 'body', id: this.#id, bytes }, transferOf(bytes))
    if (!this.#isOpen) this.#source.pause()
  }

  #forgetIfTooMuch(): void {
    if (this.#isTaken && this.#arrivedBytes > RETAINED_BYTES) this.#kept = null
  }

  /** A web server that turns out not to be the owner takes nothing: until then there is no more than can be kept. */
  get #isOpen(): boolean {
    return this.#window.available > 0 && (this.#kept === null || this.#arrivedBytes <= RETAINED_BYTES)
  }

  #complete(): void {
    this.ended = true
    if (this.#link !== null) this.#link.post({ type: 'bodyEnd', id: this.#id, rawTrailers: this.#trailers() })
    this.#whole()
  }

  #trailers(): readonly string[] | null {
    return this.#req.rawTrailers.length > 0 ? this.#req.rawTrailers : null
  }

  #resumeIfOpen(): void {
    if (this.#isOpen && this.#source.isPaused()) this.#source.resume()
  }
}
