/** The way of a response to the front: the app's bytes in order, or one answer in their place. */
import type { BatchedPort } from '../../transport/batched-port.js'
import { transferOf } from '../../transport/exchange-bytes.js'
import type {
  Bytes,
  ExchangeId,
  FromWebServer,
  RequestHead,
  ToWebServer,
} from '../../transport/exchange-messages.js'
import { type PlainAnswer, rawAnswer } from './exchange-answer.js'

/** One response as the front sees it. */
export class ExchangeOutput {
  /** Bytes of the final head, or anything after it, are on their way: nothing else can be answered any more. */
  begun = false
  /** The front has been told the end. */
  ended = false

  readonly #port: BatchedPort<ToWebServer, FromWebServer>
  readonly #id: ExchangeId
  /** While the app writes the end its bytes are kept for `responseEnd`, which saves a message. */
  #collecting = false
  #collected: Bytes | null = null

  constructor(port: BatchedPort<ToWebServer, FromWebServer>, id: ExchangeId) {
    this.#port = port
    this.#id = id
  }

  /** The next bytes. @param headSent false for early hints, which leave the final answer open */
  write(bytes: Bytes, headSent: boolean): void {
    if (this.ended) return
    this.flush()
    if (headSent) this.begun = true
    if (this.#collecting) this.#collected = bytes
    else this.#post({ type: 'response', id: this.#id, bytes }, bytes)
  }

  /** What follows is probably the last. */
  collect(): void {
    this.#collecting = true
  }

  /** It was not, or it was all: what has been collected goes. */
  flush(): void {
    const bytes = this.#collected
    this.#collected = null
    if (bytes !== null) this.#post({ type: 'response', id: this.#id, bytes }, bytes)
  }

  stopCollecting(): void {
    this.#collecting = false
  }

  /** Ends the response with what was collected. @param close the connection closes after it */
  end(close: boolean): void {
    if (this.ended) return
    this.ended = true
    const bytes = this.#collected
    this.#collected = null
    this.#post({ type: 'responseEnd', id: this.#id, bytes, close }, bytes)
  }

  /** Answers in the app's place; only while not {@link begun}. */
  replace(answer: PlainAnswer, request: RequestHead): void {
    this.ended = true
    const bytes = rawAnswer(answer, request)
    this.#post({ type: 'responseEnd', id: this.#id, bytes, close: !request.keepAlive })
  }

  #post(message: FromWebServer, bytes: Bytes | null = null): void {
    this.#port.post(message, transferOf(bytes))
  }
}
