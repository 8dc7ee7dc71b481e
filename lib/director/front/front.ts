/**
 * The front: accepts HTTP requests, sends each to the web server that hosts its session, and passes the answer on as it
 * is. It knows a {@link Router} and nothing else of the cluster, so that it can run anywhere (docs/design.md, "Fronts").
 */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { Config } from '../../config/schema.js'
import { type Partition, partitionOf } from '../../replication/ids.js'
import { TransientMap } from '../../replication/transient-map.js'
import { sizeOf, transferOf } from '../../transport/exchange-bytes.js'
import type { ExchangeId, ExchangeReply, TunnelEvent } from '../../transport/exchange-messages.js'
import { publishRequestEnd, type RequestMessage } from '../diagnostics.js'
import type { RequestLog } from '../logs/request-log.js'
import type { WebServerTraffic } from '../measured.js'
import { Connections } from './connections.js'
import { isFaulty } from './faults.js'
import { Flight } from './flight.js'
import { announcesBody, FlightBody } from './flight-body.js'
import { sessionIdIn } from './front-cookie.js'
import { Parking } from './front-parking.js'
import { FrontRequest } from './front-request.js'
import { LOOK_INTERVAL_MS } from './listeners/certificate-watch.js'
import { Listeners } from './listeners/listeners.js'
import { FAULTY_ANSWER, RawResponse } from './raw-response.js'
import type { Router, WebServerLink } from './router.js'
import { Shares } from './shares.js'
import { statusClassIn, statusIn, Traffic } from './traffic.js'
import { TunnelAnswer } from './tunnel-answer.js'

/** Dispatches of one request after the loss of its owner: one, so that a request that kills cannot kill them all. */
const RETRIES_MAX = 1
/** Web servers that may pass a request on before it is refused: more means that the partition table is in motion. */
const HOPS_MAX = 3
/** The status that refused requests get, and its class. */
const REFUSED_STATUS = 503
const REFUSED_CLASS = 5
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
  readonly #options: FrontOptions
  readonly #server: Server<typeof IncomingMessage, typeof RawResponse>
  readonly #dispatched = new TransientMap<ExchangeId, Flight>()
  readonly #parking: Parking
  readonly #connections = new Connections()
  readonly #shares: Shares
  readonly #traffic = new Traffic()
  readonly #listeners: Listeners
  /** Requests whose body had not arrived when their head had; they leave at the end of the tick. */
  #arriving: Flight[] = []
  #lastId: ExchangeId = 0
  #stopping = false

  constructor(options: FrontOptions) {
    const { listen } = options
    this.#options = options
    this.#parking = new Parking(listen.maxInFlight, listen.parkTimeoutMs, flight =>
      this.#refuse(flight, 'No web server could take this request in time.'),
    )
    this.#shares = new Shares(
      listen.maxInFlight,
      flight => this.#loadOf(this.#linkFor(flight)),
      flight => this.#route(flight),
    )
    this.#server = createServer({
      IncomingMessage: FrontRequest,
      ServerResponse: RawResponse,
      keepAliveTimeout: listen.keepAliveTimeoutMs,
      connectionsCheckingInterval: Math.min(CHECK_INTERVAL_MS, Math.ceil(listen.headersTimeoutMs / 4)),
      // node:http insists that the head's limit is within the whole request's.
      headersTimeout:
        listen.requestTimeoutMs > 0
          ? Math.min(listen.headersTimeoutMs, listen.requestTimeoutMs)
          : listen.headersTimeoutMs,
      requestTimeout: listen.requestTimeoutMs,
      // What is wrong with the Host, and with more, is looked at here: see faults.ts.
      requireHostHeader: false,
    })
    this.#server.on('connection', socket =>
      this.#connections.add(socket, flights => this.#clientGone(flights)),
    )
    this.#server.on('request', (req, res) => this.#accept(req, res))
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
    return this.#dispatched.size
  }

  /** Requests that wait for an owner. */
  get parked(): number {
    return this.#parking.size
  }

  /** Open connections of clients, tunnels among them. One of HTTP/2 is one, however many requests are on it. */
  get connections(): number {
    return this.#listeners.connections
  }

  /** Open tunnels. */
  get tunnels(): number {
    let count = 0
    for (const { kind } of this.#dispatched.values()) if (kind === 'tunnel') count++
    return count
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
    this.#server.on(event, (req, socket, head) => this.#acceptTunnel(req, socket as Socket, head))
  }

  /**
   * The time of open tunnels is up: their web server closes each in order.
   * @param link those of this web server; of all by default
   * @returns how many there are
   */
  endTunnels(link?: WebServerLink): number {
    let count = 0
    for (const flight of this.#dispatched.values()) {
      if (flight.kind !== 'tunnel' || (link !== undefined && flight.link !== link)) continue
      flight.link?.post({ type: 'goAway', id: flight.id })
      count++
    }
    return count
  }

  /** A web server says something about one of its exchanges. Answers of an earlier dispatch are dropped. */
  onReply(message: ExchangeReply): void {
    const flight = this.#dispatched.get(message.id)
    if (flight === undefined) return
    switch (message.type) {
      case 'response':
        this.#pass(flight, message.bytes)
        return
      case 'responseEnd':
        this.#end(flight, message.bytes, message.close)
        return
      case 'bodyCredit':
        flight.body?.credited(message.bytes)
        return
      case 'bodyUnwanted':
        flight.bodyUnwanted = true
        flight.body?.discard()
        this.#leaveIfSettled(flight)
        return
      case 'cut':
        this.#cut(flight)
        return
      case 'reroute':
        this.#reroute(flight, message.partition)
        return
      default:
        message satisfies never
    }
  }

  /**
   * A web server is gone; the router must not name it any more. What it had not answered is sent once more when that
   * is safe, otherwise refused; what it had begun to answer is cut off.
   */
  ownerLost(link: WebServerLink): void {
    const lost = [...this.#dispatched.values()].filter(flight => flight.link === link)
    for (const flight of lost) {
      if (flight.responseEnded && flight.kind === 'request') {
        // Only its body was still wanted; the client has, or is getting, all of the answer.
        this.#leave(flight)
        flight.body?.discard()
        continue
      }
      if (flight.begun) {
        this.#cut(flight)
        continue
      }
      this.#recall(flight)
      if (flight.idempotent && flight.replayable && flight.retries < RETRIES_MAX) {
        flight.retries++
        this.#route(flight)
      } else this.#refuse(flight, 'The web server that worked on this request was lost.')
    }
  }

  /** Partitions have owners again, or web servers have come: requests that waited for them go on. All by default. */
  ownerChanged(partitions?: ReadonlySet<Partition>): void {
    for (const flight of this.#parking.waitingFor(partitions)) this.#route(flight)
  }

  /**
   * Stops accepting, closes idle connections, lets requests in flight finish.
   * @param drainMs what is not finished by then is cut
   */
  async stop(drainMs: number): Promise<void> {
    this.#stopping = true
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
    // Ends its timer; there is nothing left to close.
    this.#server.close()
  }

  #accept(req: IncomingMessage, res: RawResponse): void {
    if (this.#connections.isSpoiled(req.socket)) return
    if (isFaulty(req)) {
      this.#connections.spoil(req.socket)
      res.refuseAsFaulty()
      return
    }
    const flight = new Flight(
      'request',
      req,
      res,
      this.#connections.shareOf(req.socket),
      this.#partitionFor(req),
    )
    this.#connections.began(flight)
    if (!announcesBody(req)) {
      this.#route(flight)
      return
    }
    flight.body = new FlightBody(req, () => this.#bodyIsWhole(flight))
    if (this.#arriving.length === 0) setImmediate(() => this.#departArrived())
    this.#arriving.push(flight)
  }

  /** Answers that the client still waits for on this connection go first: it pipelined them. */
  #acceptTunnel(req: IncomingMessage, socket: Socket, head: Buffer): void {
    const answer = new TunnelAnswer(socket)
    if (head.length > 0) socket.unshift(head)
    this.#connections.whenAnswered(socket, () => {
      if (socket.destroyed || this.#connections.isSpoiled(socket)) return
      if (isFaulty(req)) {
        answer.endRaw(FAULTY_ANSWER, true)
        return
      }
      const share = this.#connections.shareOf(socket)
      const flight = new Flight('tunnel', req, answer, share, this.#partitionFor(req))
      this.#connections.began(flight)
      flight.body = new FlightBody(req, () => this.#leaveIfSettled(flight), socket)
      this.#route(flight)
    })
  }

  /** Where its session is, if it names one. */
  #partitionFor(req: IncomingMessage): Partition | null {
    const id = sessionIdIn(req.headers.cookie, this.#options.cookieName)
    return id === null ? null : partitionOf(id)
  }

  #bodyIsWhole(flight: Flight): void {
    if (flight.state === 'arriving') this.#route(flight)
    else this.#leaveIfSettled(flight)
  }

  #departArrived(): void {
    const arrived = this.#arriving
    this.#arriving = []
    for (const flight of arrived) if (flight.state === 'arriving') this.#route(flight)
  }

  #route(flight: Flight): void {
    const link = this.#linkFor(flight)
    if (!this.#shares.isTurnOf(flight, this.#loadOf(link))) {
      if (!this.#shares.wait(flight)) this.#refuse(flight, 'The server is busy.')
      return
    }
    if (link === null) {
      if (!this.#parking.park(flight)) this.#refuse(flight, 'The server is busy.')
      return
    }
    if (link.inFlight >= this.#options.listen.maxInFlight) {
      this.#refuse(flight, 'The server is busy.')
      return
    }
    this.#dispatch(flight, link)
  }

  #linkFor({ partition }: Flight): WebServerLink | null {
    const { router } = this.#options
    return partition === null ? router.leastBusy() : router.ownerOf(partition)
  }

  /** Places that are taken at a web server, or among those who wait for one. */
  #loadOf(link: WebServerLink | null): number {
    return link === null ? this.#parking.size : link.inFlight
  }

  #dispatch(flight: Flight, link: WebServerLink): void {
    this.#parking.release(flight)
    const id = ++this.#lastId
    flight.state = 'dispatched'
    flight.id = id
    flight.link = link
    link.inFlight++
    this.#dispatched.set(id, flight)
    const body = flight.body?.sendTo(link, id)
    link.post(
      {
        type: 'request',
        id,
        kind: flight.kind,
        head: flight.head(this.#stopping),
        body: body?.bytes ?? null,
        bodyEnded: body?.ended ?? true,
        rawTrailers: body?.rawTrailers ?? null,
      },
      transferOf(body?.bytes ?? null),
    )
  }

  #reroute(flight: Flight, partition: Partition): void {
    this.#recall(flight)
    flight.partition = partition
    if (flight.replayable && ++flight.hops <= HOPS_MAX) this.#route(flight)
    else this.#refuse(flight, 'The owner of this session is changing.')
  }

  #pass(flight: Flight, bytes: string | Uint8Array): void {
    flight.begun = true
    this.#note(flight, bytes)
    flight.body?.forget()
    const { id } = flight
    flight.answer.writeRaw(bytes, () => this.#passed(flight, id, sizeOf(bytes)))
  }

  /** What is counted and logged of an answer. */
  #note(flight: Flight, bytes: string | Uint8Array): void {
    flight.bytes += sizeOf(bytes)
    if (flight.statusClass > 0) return
    flight.statusClass = statusClassIn(bytes)
    if (flight.statusClass > 0 && this.#options.requestLog) flight.status = statusIn(bytes)
  }

  #passed(flight: Flight, id: ExchangeId, bytes: number): void {
    if (flight.id !== id || flight.state !== 'dispatched') return
    const credit = flight.credits.consumed(bytes)
    if (credit > 0) flight.link?.post({ type: 'responseCredit', id, bytes: credit })
  }

  #end(flight: Flight, bytes: string | Uint8Array | null, close: boolean): void {
    flight.begun = true
    flight.responseEnded = true
    if (bytes !== null) this.#note(flight, bytes)
    flight.body?.forget()
    flight.answer.endRaw(bytes, close)
    this.#leaveIfSettled(flight)
  }

  #leaveIfSettled(flight: Flight): void {
    if (flight.settled) this.#leave(flight)
  }

  /** Takes a flight back from its web server, as if it had not been dispatched. */
  #recall(flight: Flight): void {
    this.#dispatched.delete(flight.id)
    if (flight.link !== null) flight.link.inFlight--
    flight.link = null
    flight.state = 'arriving'
    flight.body?.hold()
  }

  /** The last of every path: nothing refers to the flight afterwards. */
  #leave(flight: Flight): void {
    if (flight.state === 'over') return
    this.#parking.release(flight)
    this.#traffic.ended(flight, flight.link?.name ?? null)
    if (flight.diagnostics !== undefined) publishEnd(flight, flight.diagnostics)
    this.#options.requestLog?.ended(flight)
    if (flight.state === 'dispatched') this.#recall(flight)
    flight.state = 'over'
    this.#shares.ended(flight)
    this.#connections.ended(flight)
  }

  #refuse(flight: Flight, reason: string): void {
    flight.statusClass = REFUSED_CLASS
    flight.status = REFUSED_STATUS
    this.#leave(flight)
    flight.body?.discard()
    flight.answer.refuse(`${reason} Please try again.\n`, this.#stopping)
  }

  #cut(flight: Flight): void {
    this.#leave(flight)
    flight.answer.cut()
  }

  #clientGone(flights: readonly Flight[]): void {
    for (const flight of flights) {
      if (flight.state === 'dispatched') flight.link?.post({ type: 'abort', id: flight.id })
      this.#leave(flight)
    }
  }
}

function publishEnd({ link, statusClass, startedAt }: Flight, message: RequestMessage): void {
  const webServer = link?.name ?? null
  publishRequestEnd(message, { webServer, statusClass, durationMs: performance.now() - startedAt })
}
