/**
 * Where each request goes: to the web server that hosts its session, or to a place to wait: for the turn of its connection
 * (shares.ts) or for an owner (front-parking.ts).
 */
import type { Config } from '../../config/schema.js'
import type { Partition } from '../../replication/ids.js'
import { TransientMap } from '../../replication/transient-map.js'
import { transferOf } from '../../transport/exchange-bytes.js'
import type { ExchangeId } from '../../transport/exchange-messages.js'
import type { Flight } from './flight.js'
import { Parking } from './front-parking.js'
import type { Router, WebServerLink } from './router.js'
import { Shares } from './shares.js'

/** Web servers that may pass a request on before it is refused: more means that the partition table is in motion. */
const HOPS_MAX = 3

/** Refuses a request, for a reason that its client is told. */
export type Refuse = (flight: Flight, reason: string) => void

/** The ways to the web servers, and who is on them. */
export class Dispatch {
  /** Connections close after their answer. */
  isStopping = false
  readonly #router: Router
  readonly #refuse: Refuse
  readonly #placesMax: number
  readonly #parking: Parking
  readonly #shares: Shares
  readonly #dispatched = new TransientMap<ExchangeId, Flight>()
  #lastId: ExchangeId = 0

  /** @param refuse what becomes of one that nobody can take */
  constructor({ maxInFlight, parkTimeoutMs }: Config['listen'], router: Router, refuse: Refuse) {
    this.#router = router
    this.#refuse = refuse
    this.#placesMax = maxInFlight
    this.#parking = new Parking(maxInFlight, parkTimeoutMs, flight =>
      refuse(flight, 'No web server could take this request in time.'),
    )
    this.#shares = new Shares(
      maxInFlight,
      flight => this.#loadOf(this.#linkFor(flight)),
      flight => this.route(flight),
    )
  }

  /** Requests that some web server works on. */
  get inFlight(): number {
    return this.#dispatched.size
  }

  /** Requests that wait for an owner. */
  get parked(): number {
    return this.#parking.size
  }

  /** The flight of one dispatch, undefined once it has been taken back. */
  find(id: ExchangeId): Flight | undefined {
    return this.#dispatched.get(id)
  }

  /** @param link those that this web server has; all by default @returns in the order in which they were dispatched */
  flightsAt(link?: WebServerLink): Flight[] {
    const flights = [...this.#dispatched.values()]
    return link === undefined ? flights : flights.filter(flight => flight.link === link)
  }

  /** Sends it to its owner, has it wait, or refuses it. */
  route(flight: Flight): void {
    const link = this.#linkFor(flight)
    if (!this.#shares.isTurnOf(flight, this.#loadOf(link))) {
      if (!this.#shares.wait(flight)) this.#refuse(flight, 'The server is busy.')
      return
    }
    if (link === null) {
      if (!this.#parking.park(flight)) this.#refuse(flight, 'The server is busy.')
      return
    }
    if (link.inFlight >= this.#placesMax) {
      this.#refuse(flight, 'The server is busy.')
      return
    }
    this.#send(flight, link)
  }

  /** Its web server says who the owner is. */
  reroute(flight: Flight, partition: Partition): void {
    this.recall(flight)
    flight.partition = partition
    if (flight.replayable && ++flight.hops <= HOPS_MAX) this.route(flight)
    else this.#refuse(flight, 'The owner of this session is changing.')
  }

  /** Partitions have owners again, or web servers have come: requests that waited for them go on. All by default. */
  ownerChanged(partitions?: ReadonlySet<Partition>): void {
    for (const flight of this.#parking.waitingFor(partitions)) this.route(flight)
  }

  /** Takes a flight back from its web server, as if it had not been dispatched. */
  recall(flight: Flight): void {
    this.#dispatched.delete(flight.id)
    if (flight.link !== null) flight.link.inFlight--
    flight.link = null
    flight.state = 'arriving'
    flight.body?.hold()
  }

  /** It is over, wherever it is: it has no place any more. */
  leave(flight: Flight): void {
    if (flight.state === 'parked') this.#parking.release(flight)
    else if (flight.state === 'dispatched') this.recall(flight)
    flight.state = 'over'
    this.#shares.ended(flight)
  }

  #linkFor({ partition }: Flight): WebServerLink | null {
    return partition === null ? this.#router.leastBusy() : this.#router.ownerOf(partition)
  }

  /** Places that are taken at a web server, or among those who wait for one. */
  #loadOf(link: WebServerLink | null): number {
    return link === null ? this.#parking.size : link.inFlight
  }

  #send(flight: Flight, link: WebServerLink): void {
    if (flight.state === 'parked') this.#parking.release(flight)
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
        head: flight.head(this.isStopping),
        body: body?.bytes ?? null,
        bodyEnded: body?.ended ?? true,
        rawTrailers: body?.rawTrailers ?? null,
      },
      transferOf(body?.bytes ?? null),
    )
  }
}
