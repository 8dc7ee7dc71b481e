/** From a head that node:http has parsed to a flight on its way: what is faulty is answered here, and bodies begin to be read. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { type Partition, partitionOf } from '../../replication/ids.js'
import type { Answers } from './answers.js'
import { Connection } from './connection.js'
import type { Connections } from './connections.js'
import type { Dispatch } from './dispatch.js'
import { isFaulty } from './faults.js'
import { Flight } from './flight.js'
import { FlightBody } from './flight-body.js'
import { sessionIdIn } from './front-cookie.js'
import { announcesBody, factsOf, type HeadFacts } from './head-facts.js'
import { FAULTY_ANSWER, type RawResponse } from './raw-response.js'
import { TunnelAnswer } from './tunnel-answer.js'

/** What takes requests in. */
export interface ArrivalsOptions {
  /** Name of the session cookie. */
  readonly cookieName: string
  readonly connections: Connections
  readonly dispatch: Dispatch
  readonly answers: Answers
}

/** Where all requests of one front begin. */
export class Arrivals {
  readonly #cookieName: string
  readonly #connections: Connections
  readonly #dispatch: Dispatch
  readonly #answers: Answers
  /** Requests whose body had not arrived when their head had; they leave at the end of the tick. */
  #arriving: Flight[] = []

  constructor({ cookieName, connections, dispatch, answers }: ArrivalsOptions) {
    this.#cookieName = cookieName
    this.#connections = connections
    this.#dispatch = dispatch
    this.#answers = answers
  }

  /** A request's head has arrived. */
  accept(req: IncomingMessage, res: RawResponse): void {
    const connection = Connection.of<Flight>(req.socket)
    if (connection.isSpoiled) return
    const facts = factsOf(req.rawHeaders)
    if (isFaulty(req, facts)) {
      connection.isSpoiled = true
      res.refuseAsFaulty()
      return
    }
    const flight = new Flight('request', req, res, connection, this.#partitionFor(facts))
    this.#connections.began(flight)
    if (!announcesBody(facts)) {
      this.#dispatch.route(flight)
      return
    }
    flight.body = new FlightBody(req, () => this.#bodyIsWhole(flight))
    if (this.#arriving.length === 0) setImmediate(() => this.#departArrived())
    this.#arriving.push(flight)
  }

  /**
   * The head of a tunnel has arrived. Answers that the client still waits for on this connection go first: it pipelined
   * them.
   * @param head what the client has sent behind it
   */
  acceptTunnel(req: IncomingMessage, socket: Socket, head: Buffer): void {
    const answer = new TunnelAnswer(socket)
    if (head.length > 0) socket.unshift(head)
    const connection = Connection.of<Flight>(socket)
    this.#connections.whenAnswered(connection, () => {
      if (socket.destroyed || connection.isSpoiled) return
      const facts = factsOf(req.rawHeaders)
      if (isFaulty(req, facts)) {
        answer.endRaw(FAULTY_ANSWER, true)
        return
      }
      const flight = new Flight('tunnel', req, answer, connection, this.#partitionFor(facts))
      this.#connections.began(flight)
      flight.body = new FlightBody(req, () => this.#answers.leaveIfSettled(flight), socket)
      this.#dispatch.route(flight)
    })
  }

  /** Where its session is, if it names one. */
  #partitionFor({ cookie }: HeadFacts): Partition | null {
    const id = sessionIdIn(cookie, this.#cookieName)
    return id === null ? null : partitionOf(id)
  }

  #bodyIsWhole(flight: Flight): void {
    if (flight.state === 'arriving') this.#dispatch.route(flight)
    else this.#answers.leaveIfSettled(flight)
  }

  #departArrived(): void {
    const arrived = this.#arriving
    this.#arriving = []
    for (const flight of arrived) if (flight.state === 'arriving') this.#dispatch.route(flight)
  }
}
