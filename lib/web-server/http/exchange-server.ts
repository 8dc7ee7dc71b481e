/** A web server's end of the conversation with the front: makes an exchange of each request, and routes what follows. */
import type { ExchangeId, ToWebServer } from '../../transport/exchange-messages.js'
import { Exchange } from './exchange.js'
import type { ExchangeContext } from './exchange-context.js'
import { installRequestSession, unlessAside } from './request-session.js'

/** See {@link ExchangeContext}. */
export type ExchangeServerOptions = Omit<ExchangeContext, 'onOver'>

/** All exchanges of one web server. */
export class ExchangeServer {
  readonly #context: ExchangeContext
  readonly #exchanges = new Map<ExchangeId, Exchange>()

  /** Begins to serve what comes through `options.port`, and defines `req.session` in this thread. */
  constructor(options: ExchangeServerOptions) {
    installRequestSession()
    this.#context = {
      ...options,
      sessions: unlessAside(options.sessions),
      onOver: id => this.#exchanges.delete(id),
    }
    options.port.onmessage = message => this.#receive(message)
  }

  /** Exchanges that are not over. */
  get inFlight(): number {
    return this.#exchanges.size
  }

  #receive(message: ToWebServer): void {
    if (message.type === 'request') {
      const exchange = new Exchange(this.#context, message)
      this.#exchanges.set(message.id, exchange)
      exchange.start(message)
      return
    }
    const exchange = this.#exchanges.get(message.id)
    // Messages that crossed with the end of their exchange.
    if (exchange === undefined) return
    switch (message.type) {
      case 'body':
        exchange.onBody(message.bytes)
        return
      case 'bodyEnd':
        exchange.onBodyEnd(message.rawTrailers)
        return
      case 'responseCredit':
        exchange.onResponseCredit(message.bytes)
        return
      case 'abort':
        exchange.onAbort()
        return
      default:
        message satisfies never
    }
  }
}
