/**
 * The way of what an app writes into a tunnel to the front. It is watched on its way, so that a WebSocket can be closed
 * with a Close frame between two frames of the app's.
 */
import type { BatchedPort } from '../../transport/batched-port.js'
import { transferOf } from '../../transport/exchange-bytes.js'
import type { Bytes, ExchangeId, FromWebServer, ToWebServer } from '../../transport/exchange-messages.js'
import { FrameTracker, goingAwayFrame } from './websocket-frames.js'

/** Largest head of an answer that is looked at, bytes; node takes 16 KiB by default. */
const HEAD_BYTES_MAX = 64 * 1024
const HEAD_END = '\r\n\r\n'

/** The app's direction of one tunnel. */
export class TunnelOutput {
  /** Bytes of the app are on their way: nothing else can be answered any more. */
  begun = false
  /** The front has been told the end. */
  ended = false

  readonly #port: BatchedPort<ToWebServer, FromWebServer>
  readonly #id: ExchangeId
  /** What there is of the answer's head, null once it is complete. */
  #head: string | null = ''
  /** Null when this is no WebSocket, or not known to be one yet. */
  #frames: FrameTracker | null = null
  /** Called when the app's last frame is through and the Close frame has followed it. */
  #closed: (() => void) | null = null

  constructor(port: BatchedPort<ToWebServer, FromWebServer>, id: ExchangeId) {
    this.#port = port
    this.#id = id
  }

  write(bytes: Bytes): void {
    if (this.ended) return
    this.begun = true
    const frameEnd = this.#watch(bytes)
    if (this.#closed === null || frameEnd === -1) {
      this.#post(bytes)
      return
    }
    this.#post(typeof bytes === 'string' ? bytes.slice(0, frameEnd) : bytes.slice(0, frameEnd))
    this.#close(this.#closed)
  }

  /** Ends the app's direction. @param close the connection closes when everything is sent */
  end(bytes: Bytes | null = null, close = false): void {
    if (this.ended) return
    this.ended = true
    this.#port.post({ type: 'responseEnd', id: this.#id, bytes, close }, transferOf(bytes))
  }

  /** Ends it between two frames with a Close frame, or at once if it is no WebSocket. @param closed called after that */
  goAway(closed: () => void): void {
    if (this.#frames?.atBoundary === false) this.#closed = closed
    else this.#close(closed)
  }

  #close(closed: () => void): void {
    this.#closed = null
    this.end(this.#frames === null || this.#frames.closes ? null : goingAwayFrame())
    closed()
  }

  /** @returns the end of the first frame that ends in these bytes, or -1 */
  #watch(bytes: Bytes): number {
    if (this.#head === null) return this.#frames?.feed(bytes) ?? -1
    const before = this.#head.length
    const head = this.#head + (typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1'))
    const end = head.indexOf(HEAD_END, Math.max(0, before - HEAD_END.length))
    this.#head = end === -1 && head.length <= HEAD_BYTES_MAX ? head : null
    if (end === -1 || !startsWebSocket(head.slice(0, end + 2))) return -1
    this.#frames = new FrameTracker()
    return this.#frames.feed(bytes, end + HEAD_END.length - before)
  }

  #post(bytes: Bytes): void {
    this.#port.post({ type: 'response', id: this.#id, bytes }, transferOf(bytes))
  }
}

/** @param head the head of an answer with the end of its last line */
function startsWebSocket(head: string): boolean {
  return /^HTTP\/1\.1 101 /.test(head) && /\r\nupgrade:[ \t]*websocket[ \t]*\r\n/i.test(head)
}
