/** What becomes of a request that is under way: what its web server says goes to its client, and every way in which it ends. */
import { sizeOf } from '../../transport/exchange-bytes.js'
import type { Bytes, ExchangeId, ExchangeReply } from '../../transport/exchange-messages.js'
import { publishRequestEnd, type RequestMessage } from '../diagnostics.js'
import type { RequestLog } from '../logs/request-log.js'
import type { Connections } from './connections.js'
import type { Dispatch } from './dispatch.js'
import type { Flight } from './flight.js'
import type { WebServerLink } from './router.js'
import { statusClassIn, statusIn, type Traffic } from './traffic.js'

/** Dispatches of one request after the loss of its owner: one, so that a request that kills cannot kill them all. */
const RETRIES_MAX = 1
/** The status that refused requests get, and its class. */
const REFUSED_STATUS = 503
const REFUSED_CLASS = 5

/** What answers are passed on with. */
export interface AnswersOptions {
  readonly dispatch: Dispatch
  readonly connections: Connections
  readonly traffic: Traffic
  /** Null when requests are not logged. */
  readonly requestLog: RequestLog | null
}

/** All answers of one front. */
export class Answers {
  readonly #dispatch: Dispatch
  readonly #connections: Connections
  readonly #traffic: Traffic
  readonly #requestLog: RequestLog | null

  constructor({ dispatch, connections, traffic, requestLog }: AnswersOptions) {
    this.#dispatch = dispatch
    this.#connections = connections
    this.#traffic = traffic
    this.#requestLog = requestLog
  }

  /** A web server says something about one of its exchanges. Answers of an earlier dispatch are dropped. */
  onReply(message: ExchangeReply): void {
    const flight = this.#dispatch.find(message.id)
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
        this.leaveIfSettled(flight)
        return
      case 'cut':
        this.#cut(flight)
        return
      case 'reroute':
        this.#dispatch.reroute(flight, message.partition)
        return
      default:
        message satisfies never
    }
  }

  /** Its web server is gone. See {@link Front.ownerLost}. */
  ownerLost(link: WebServerLink): void {
    for (const flight of this.#dispatch.flightsAt(link)) {
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
      this.#dispatch.recall(flight)
      if (flight.idempotent && flight.replayable && flight.retries < RETRIES_MAX) {
        flight.retries++
        this.#dispatch.route(flight)
      } else this.refuse(flight, 'The web server that worked on this request was lost.')
    }
  }

  /** Nobody waits for these answers any more. */
  clientGone(flights: readonly Flight[]): void {
    for (const flight of flights) {
      if (flight.state === 'dispatched') flight.link?.post({ type: 'abort', id: flight.id })
      this.#leave(flight)
    }
  }

  /** Answers 503. @param reason a sentence for the client */
  refuse(flight: Flight, reason: string): void {
    flight.statusClass = REFUSED_CLASS
    flight.status = REFUSED_STATUS
    this.#leave(flight)
    flight.body?.discard()
    flight.answer.refuse(`${reason} Please try again.\n`, this.#dispatch.isStopping)
  }

  /** Neither its answer nor its body may have anything left to pass on. */
  leaveIfSettled(flight: Flight): void {
    if (flight.settled) this.#leave(flight)
  }

  #pass(flight: Flight, bytes: Bytes): void {
    flight.begun = true
    this.#note(flight, bytes)
    flight.body?.forget()
    const { id } = flight
    flight.answer.writeRaw(bytes, () => this.#passed(flight, id, sizeOf(bytes)))
  }

  /** What is counted and logged of an answer. */
  #note(flight: Flight, bytes: Bytes): void {
    flight.bytes += sizeOf(bytes)
    if (flight.statusClass > 0) return
    flight.statusClass = statusClassIn(bytes)
    if (flight.statusClass > 0 && this.#requestLog !== null) flight.status = statusIn(bytes)
  }

  #passed(flight: Flight, id: ExchangeId, bytes: number): void {
    if (flight.id !== id || flight.state !== 'dispatched') return
    const credit = flight.credits.consumed(bytes)
    if (credit > 0) flight.link?.post({ type: 'responseCredit', id, bytes: credit })
  }

  #end(flight: Flight, bytes: Bytes | null, close: boolean): void {
    flight.begun = true
    flight.responseEnded = true
    if (bytes !== null) this.#note(flight, bytes)
    flight.body?.forget()
    flight.answer.endRaw(bytes, close)
    this.leaveIfSettled(flight)
  }

  #cut(flight: Flight): void {
    this.#leave(flight)
    flight.answer.cut()
  }

  /** The last of every path: nothing refers to the flight afterwards. */
  #leave(flight: Flight): void {
    if (flight.state === 'over') return
    this.#traffic.ended(flight, flight.link?.name ?? null)
    if (flight.diagnostics !== undefined) publishEnd(flight, flight.diagnostics)
    this.#requestLog?.ended(flight)
    this.#dispatch.leave(flight)
    this.#connections.ended(flight)
  }
}

function publishEnd({ link, statusClass, startedAt }: Flight, message: RequestMessage): void {
  const webServer = link?.name ?? null
  publishRequestEnd(message, { webServer, statusClass, durationMs: performance.now() - startedAt })
}
