/** One request in flight: what the front knows of it from its head until nobody needs it any more. */
import type { IncomingMessage } from 'node:http'
import type { Partition } from '../../replication/ids.js'
import { CreditMeter } from '../../transport/credits.js'
import type { ExchangeId, ExchangeKind, RequestHead } from '../../transport/exchange-messages.js'
import { publishRequestStart, type RequestMessage } from '../diagnostics.js'
import type { Answer } from './answer.js'
import type { Connection } from './connection.js'
import type { FlightBody } from './flight-body.js'
import type { WebServerLink } from './router.js'
import type { Share } from './share.js'

/** Methods that may be carried out twice (RFC 9110, 9.2.2), so that a request can follow its partition to a new owner. */
const IDEMPOTENT = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

/** In the order of a life: `waiting` for the turn of its connection, `parked` for an owner; `over` is final. */
export type FlightState = 'arriving' | 'waiting' | 'parked' | 'dispatched' | 'over'

/** State of one request; the front alone changes it. */
export class Flight {
  state: FlightState = 'arriving'
  /** Names the present dispatch; a new one gets a new id, so that late answers of the old one find nobody. */
  id: ExchangeId = 0
  link: WebServerLink | null = null
  /** Null when the request has no body; of a tunnel, what the client sends through it. */
  body: FlightBody | null = null
  /** The client has been sent some of the response: nothing else can be answered any more. */
  begun = false
  responseEnded = false
  /** First digit of the status that the client gets; 0 before it is known. For counting only. */
  statusClass = 0
  /** Status that the client gets; 0 before it is known, and when requests are not logged. */
  status = 0
  /** Of the response, head included, that were passed on. */
  bytes = 0
  bodyUnwanted = false
  /** Dispatches after the loss of an owner. */
  retries = 0
  /** Dispatches after a web server said that it is not the owner. */
  hops = 0
  parkTimer: NodeJS.Timeout | undefined = undefined
  /** It is counted in the share of its connection. */
  hasTurn = false
  readonly credits = new CreditMeter()
  /** When its head had arrived, ms of the clock of `performance`. */
  readonly startedAt = performance.now()
  /** What subscribers of its diagnostics were given; undefined when there were none. */
  readonly diagnostics: RequestMessage | undefined

  constructor(
    readonly kind: ExchangeKind,
    readonly req: IncomingMessage,
    readonly answer: Answer,
    readonly connection: Connection<Flight>,
    /** Where its session is; null for a request without a session, which any web server may serve. */
    public partition: Partition | null,
  ) {
    this.diagnostics = publishRequestStart(req)
  }

  /** What its connection may have in flight. */
  get share(): Share<Flight> {
    return this.connection.share
  }

  /** Whether the whole request can be sent once more. */
  get replayable(): boolean {
    return this.body === null || this.body.replayable
  }

  /** Whether it may be carried out twice. */
  get idempotent(): boolean {
    return IDEMPOTENT.has(this.req.method ?? '')
  }

  /** Whether neither the response nor the body has anything left to pass on. */
  get settled(): boolean {
    return this.responseEnded && (this.body === null || this.body.ended || this.bodyUnwanted)
  }

  /** @param stopping closes the connection after this response */
  head(stopping: boolean): RequestHead {
    const { req, answer } = this
    const { encrypted, remoteAddress, remotePort, localAddress, localPort } = this.connection.ends
    return {
      method: req.method ?? '',
      url: req.url ?? '',
      httpVersionMajor: req.httpVersionMajor,
      httpVersionMinor: req.httpVersionMinor,
      rawHeaders: req.rawHeaders,
      keepAlive: answer.keepAlive && !stopping,
      encrypted,
      remoteAddress,
      remotePort,
      localAddress,
      localPort,
    }
  }
}
