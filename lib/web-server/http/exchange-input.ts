/** The way of a request's body to the app: pushed into the request as it arrives, credited as the app takes it. */
import type { IncomingMessage } from 'node:http'
import type { BatchedPort } from '../../transport/batched-port.js'
import { CreditMeter } from '../../transport/credits.js'
import { bufferOf, sizeOf } from '../../transport/exchange-bytes.js'
import type { Bytes, ExchangeId, FromWebServer, ToWebServer } from '../../transport/exchange-messages.js'
import { dumpUnread, endBody, pushBody } from './exchange-request.js'

/** The body of one request. */
export class ExchangeInput {
  /** Nothing more comes, or nobody wants it. */
  done = false

  readonly #port: BatchedPort<ToWebServer, FromWebServer>
  readonly #id: ExchangeId
  readonly #req: IncomingMessage
  readonly #credits = new CreditMeter()
  #ended = false
  /** Bytes that the app was given but has not asked for yet. */
  #unwanted = 0

  constructor(port: BatchedPort<ToWebServer, FromWebServer>, id: ExchangeId, req: IncomingMessage) {
    this.#port = port
    this.#id = id
    this.#req = req
  }

  push(bytes: Bytes): void {
    if (this.#ended) return
    if (pushBody(this.#req, bufferOf(bytes))) this.#credit(sizeOf(bytes))
    else this.#unwanted += sizeOf(bytes)
  }

  end(rawTrailers: readonly string[] | null): void {
    this.#ended = true
    this.done = true
    if (!this.#req.destroyed) endBody(this.#req, rawTrailers)
  }

  /** The app reads on. */
  wanted(): void {
    if (this.#unwanted === 0) return
    const bytes = this.#unwanted
    this.#unwanted = 0
    this.#credit(bytes)
  }

  /** The response is finished: a body that the app never looked at is not asked for any more. */
  dropUnread(): void {
    if (dumpUnread(this.#req)) this.refuse()
  }

  /** Tells the front to throw the rest away. */
  refuse(): void {
    this.done = true
    if (!this.#ended) this.#port.post({ type: 'bodyUnwanted', id: this.#id })
  }

  #credit(bytes: number): void {
    const credit = this.#credits.consumed(bytes)
    if (credit > 0 && !this.#ended) this.#port.post({ type: 'bodyCredit', id: this.#id, bytes: credit })
  }
}
