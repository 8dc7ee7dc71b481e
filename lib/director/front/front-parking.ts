/** Requests that wait for an owner: a bounded number, each for a bounded time. */
import type { Partition } from '../../replication/ids.js'
import type { Flight } from './flight.js'

/** Where the front keeps requests that nobody can take yet. */
export class Parking {
  readonly #flights = new Set<Flight>()

  /**
   * @param flightsMax how many may wait at once
   * @param timeoutMs how long one may wait
   * @param onTimeout called with one that has waited so long; it is still parked then
   */
  constructor(
    private readonly flightsMax: number,
    private readonly timeoutMs: number,
    private readonly onTimeout: (flight: Flight) => void,
  ) {}

  get size(): number {
    return this.#flights.size
  }

  /** @returns false when there is no room; one that waits already goes on waiting, no longer than it would have */
  park(flight: Flight): boolean {
    if (this.#flights.has(flight)) return true
    if (this.#flights.size >= this.flightsMax) return false
    flight.state = 'parked'
    this.#flights.add(flight)
    flight.parkTimer = setTimeout(this.onTimeout, this.timeoutMs, flight)
    return true
  }

  /** It waits no longer, or never did. */
  release(flight: Flight): void {
    if (this.#flights.delete(flight)) clearTimeout(flight.parkTimer)
  }

  /** @param partitions undefined for all @returns those that wait for one of them, or for any web server */
  waitingFor(partitions: ReadonlySet<Partition> | undefined): Flight[] {
    const all = [...this.#flights]
    if (partitions === undefined) return all
    return all.filter(flight => flight.partition === null || partitions.has(flight.partition))
  }
}
