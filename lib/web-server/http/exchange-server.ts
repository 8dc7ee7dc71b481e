/** A web server's end of the conversation with the front: makes an exchange of each request, and routes what follows. */
import { TransientMap } from '../../replication/transient-map.js'
import type { ExchangeId, ToWebServer, TunnelEvent } from '../../transport/exchange-messages.js'
import { Exchange } from './exchange.js'
import { rawAnswer } from './exchange-answer.js'
import type { ExchangeContext } from './exchange-context.js'
import { Intake } from './intake.js'
import { MessageMaker, type MessagePrototypes } from './message-prototypes.js'
import { installRequestSession, unlessAside } from './request-session.js'
import { Tunnel, tunnelEventOf } from './tunnel.js'

/** See {@link ExchangeContext}. */
export interface ExchangeServerOptions extends Omit<ExchangeContext, 'messages' | 'onOver'> {
  /** What the app makes its requests and responses; none, or null, when it takes node's own. */
  readonly prototypes?: () => MessagePrototypes | null
  /** This web server is about to be replaced or stopped. */
  readonly onDraining: () => void
}

type RequestMessage = Extract<ToWebServer, { readonly type: 'request' }>
type FollowingMessage = Exclude<ToWebServer, RequestMessage | { readonly type: 'draining' }>

const TUNNEL_EVENTS: readonly TunnelEvent[] = ['upgrade', 'connect']

/** All exchanges and tunnels of one web server. */
export class ExchangeServer {
  readonly #context: ExchangeContext
  readonly #onDraining: () => void
  readonly #exchanges = new TransientMap<ExchangeId, Exchange | Tunnel>()
  readonly #accepted = new Set<TunnelEvent>()
  readonly #intake = new Intake({
    begin: message => this.#begin(message),
    follow: message => this.#follow(message),
    refuse: message => this.#refuse(message),
  })

  /** Begins to serve what comes through `options.port`, and defines `req.session` in this thread. */
  constructor(options: ExchangeServerOptions) {
    installRequestSession()
    const { onDraining, prototypes = () => null, ...context } = options
    this.#context = {
      ...context,
      messages: new MessageMaker(prototypes),
      sessions: unlessAside(options.sessions),
      onOver: id => this.#exchanges.delete(id),
    }
    this.#onDraining = onDraining
    options.port.onmessage = message => this.#receive(message)
    for (const event of TUNNEL_EVENTS) if (options.server.listenerCount(event) > 0) this.#accept(event)
    options.server.on('newListener', (name: string | symbol) => {
      const event = TUNNEL_EVENTS.find(each => each === name)
      if (event !== undefined) this.#accept(event)
    })
  }

  /** Exchanges and tunnels that are not over, those that have not begun among them. */
  get inFlight(): number {
    return this.#exchanges.size + this.#intake.waiting
  }

  /** What the app takes as tunnels so far. */
  get accepted(): readonly TunnelEvent[] {
    return [...this.#accepted]
  }

  /** Tells the front, once, that the app takes such requests as tunnels. */
  #accept(event: TunnelEvent): void {
    if (this.#accepted.has(event)) return
    this.#accepted.add(event)
    this.#context.port.post({ type: 'accepts', event })
  }

  #receive(message: ToWebServer): void {
    if (message.type === 'request') this.#intake.take(message)
    else if (message.type === 'draining') this.#onDraining()
    else this.#intake.pass(message)
  }

  #begin(message: RequestMessage): void {
    if (message.kind === 'tunnel') this.#startTunnel(message)
    else this.#startExchange(message)
  }

  #follow(message: FollowingMessage): void {
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
      case 'goAway':
        if (exchange instanceof Tunnel) exchange.onGoAway()
        return
      default:
        message satisfies never
    }
  }

  /** The app has not seen it. */
  #refuse({ id, head, bodyEnded }: RequestMessage): void {
    const { port } = this.#context
    const bytes = rawAnswer({ status: 503, text: 'The server is busy. Please try again.' }, head)
    port.post({ type: 'responseEnd', id, bytes, close: !head.keepAlive })
    if (!bodyEnded) port.post({ type: 'bodyUnwanted', id })
  }

  #startExchange(message: RequestMessage): void {
    const exchange = new Exchange(this.#context, message)
    this.#exchanges.set(message.id, exchange)
    exchange.start(message)
  }

  #startTunnel(message: RequestMessage): void {
    const { server, port } = this.#context
    const event = tunnelEventOf(message.head)
    if (server.listenerCount(event) === 0) {
      // The app of another web server listens, or this one did: node makes an ordinary request of an upgrade.
      if (event === 'connect') port.post({ type: 'cut', id: message.id })
      else {
        this.#startExchange({ ...message, body: null, bodyEnded: true })
        port.post({ type: 'bodyUnwanted', id: message.id })
      }
      return
    }
    const tunnel = new Tunnel(this.#context, message)
    this.#exchanges.set(message.id, tunnel)
    tunnel.start(message)
  }
}
