/**
 * The front: accepts HTTP requests, sends each to the web server that hosts its session, and passes the answer on as it
 * is. It knows a {@link Router} and nothing else of the cluster, so that it can run anywhere (docs/design.md, "Fronts").
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Config } from '../../config/schema.js'
import type { Partition } from '../../replication/ids.js'
import type { ExchangeReply, TunnelEvent } from '../../transport/exchange-messages.js'
import type { RequestLog } from '../logs/request-log.js'
import type { WebServerTraffic } from '../measured.js'
import { Answers } from './answers.js'
import { Arrivals } from './arrivals.js'
import { Connections } from './connections.js'
import { Dispatch } from './dispatch.js'
import type { Flight } from './flight.js'
import { FrontRequest } from './front-request.js'
import { LOOK_INTERVAL_MS } from './listeners/certificate-watch.js'
import { Listeners } from './listeners/listeners.js'
import { RawResponse } from './raw-response.js'
import type { Router, WebServerLink } from './router.js'
import { Traffic } from './traffic.js'

/** How long a tunnel that is closed in order may take to say its last words, ms. */
export const GO_AWAY_MS = 1_000

/** Longest time between two looks for requests that are late, ms: as in node:http, more often where the limit is short. */
const CHECK_INTERVAL_MS = 30_000

/** What a front is made of. */
export interface FrontOptions {
  readonly listen: Config['listen']
  /** Name of the session cookie. */
  readonly cookieName: string
  readonly router: Router
  /** An error of a listening socket after it began to listen. */
  readonly onError: (error: Error) => void
  /** Is told of each request that is over; null when they are not logged. */
  readonly requestLog?: RequestLog | null
  /** Certificate files have changed: null when they are in use now, otherwise why they can't be. */
  readonly onCertificates?: (error: unknown) => void
  /** Time between two looks at the certificate files, ms; two seconds by default. */
  readonly certificateLookMs?: number
}

/** The listening sockets and all requests that came through them. */
export class Front {
  readonly #server: Server<typeof IncomingMessage, typeof RawResponse>
  readonly #connections = new Connections()
  readonly #traffic = new Traffic()
  readonly #dispatch: Dispatch
  readonly #answers: Answers
  readonly #arrivals: Arrivals
  readonly #listeners: Listeners

  constructor(options: FrontOptions) {
    const { listen, cookieName, router, requestLog = null } = options
    const connections = this.#connections
    const dispatch = new Dispatch(listen, router, (flight, reason) => answers.refuse(flight, reason))
    const answers = new Answers({ dispatch, connections, traffic: this.#traffic, requestLog })
    const arrivals = new Arrivals({ cookieName, connections, dispatch, answers })
    this.#dispatch = dispatch
    this.#answers = answers
    this.#arrivals = arrivals
    this.#server = serverFor(listen)
    this.#server.on('connection', socket => connections.add(socket, flights => answers.clientGone(flights)))
    this.#server.on('request', (req, res) => arrivals.accept(req, res))
    this.#listeners = new Listeners({
      ...listen,
      http: this.#server,
      onError: options.onError,
      onCertificates: options.onCertificates ?? (() => {}),
      lookIntervalMs: options.certificateLookMs ?? LOOK_INTERVAL_MS,
    })
  }

  /** Requests that some web server works on. */
  get inFlight(): number {
    return this.#dispatch.inFlight
  }

  /** Requests that wait for an owner. */
  get parked(): number {
    return this.#dispatch.parked
  }

  /** Open connections of clients, tunnels among them. One of HTTP/2 is one, however many requests are on it. */
  get connections(): number {
    return this.#listeners.connections
  }

  /** Open tunnels. */
  get tunnels(): number {
    return this.#dispatch.flightsAt().filter(isTunnel).length
  }

  /** What has been answered so far. */
  get traffic(): readonly WebServerTraffic[] {
    return this.#traffic.read()
  }

  /**
   * Begins to listen everywhere.
   * @returns the URLs, in the order of the configuration
   * @throws ListenTlsError, or what node:net says, such as EADDRINUSE; nothing listens then
   */
  listen(): Promise<readonly string[]> {
    return this.#listeners.open()
  }

  /** Reads all certificates again; new connections get them. @throws ListenTlsError, and everything stays as it is */
  reloadCertificates(): Promise<void> {
    return this.#listeners.reloadCertificates()
  }

  /** The app takes such requests as tunnels; before that node:http makes ordinary ones of them. Idempotent. */
  accepts(event: TunnelEvent): void {
    if (this.#server.listenerCount(event) > 0) return
    this.#server.on(event, (req, socket, head) => this.#arrivals.acceptTunnel(req, socket as Socket, head))
  }

  /**
   * The time of open tunnels is up: their web server closes each in order.
   * @param link those of this web server; of all by default
   * @returns how many there are
   */
  endTunnels(link?: WebServerLink): number {
    const tunnels = this.#dispatch.flightsAt(link).filter(isTunnel)
    for (const { link: to, id } of tunnels) to?.post({ type: 'goAway', id })
    return tunnels.length
  }

  /** A web server says something about one of its exchanges. Answers of an earlier dispatch are dropped. */
  onReply(message: ExchangeReply): void {
    this.#answers.onReply(message)
  }

  /**
   * A web server is gone; the router must not name it any more. What it had not answered is sent once more when that
   * is safe, otherwise refused; what it had begun to answer is cut off.
   */
  ownerLost(link: WebServerLink): void {
    this.#answers.ownerLost(link)
  }

  /** Partitions have owners again, or web servers have come: requests that waited for them go on. All by default. */
  ownerChanged(partitions?: ReadonlySet<Partition>): void {
    this.#dispatch.ownerChanged(partitions)
  }

  /**
   * Stops accepting, closes idle connections, lets requests in flight finish.
   * @param drainMs what is not finished by then is cut
   */
  async stop(drainMs: number): Promise<void> {
    this.#dispatch.isStopping = true
    const deadline = setTimeout(() => {
      this.#server.closeAllConnections()
      this.endTunnels()
    }, drainMs)
    const cut = setTimeout(() => {
      this.#connections.destroyAll()
      this.#listeners.cut()
    }, drainMs + GO_AWAY_MS)
    const closed = this.#listeners.close()
    this.#connections.closeWhenAnswered()
    await closed
    clearTimeout(deadline)
    clearTimeout(cut)
    // Ends their timers; there is nothing left to close.
    this.#connections.close()
    this.#server.close()
  }
}

function serverFor(listen: Config['listen']): Server<typeof IncomingMessage, typeof RawResponse> {
  const { keepAliveTimeoutMs, headersTimeoutMs, requestTimeoutMs } = listen
  return createServer({
    IncomingMessage: FrontRequest,
    ServerResponse: RawResponse,
    keepAliveTimeout: keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, Math.ceil(headersTimeoutMs / 4)),
    // node:http insists that the head's limit is within the whole request's.
    headersTimeout: requestTimeoutMs > 0 ? Math.min(headersTimeoutMs, requestTimeoutMs) : headersTimeoutMs,
    requestTimeout: requestTimeoutMs,
    // What is wrong with the Host, and with more, is looked at here: see faults.ts.
    requireHostHeader: false,
  })
}

function isTunnel({ kind }: Flight): boolean {
  return kind === 'tunnel'
}
