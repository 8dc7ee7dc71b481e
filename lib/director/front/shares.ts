/**
 * What one connection may have in flight while a web server is busy: a client that pipelines, or opens many HTTP/2 streams,
 * must not take the places of all others. As long as a web server has less than half of its places taken, everybody gets
 * what they ask for. Beyond that a connection that has its share already waits for its own requests to end, and nothing
 * more is read of it: so the other half is for those who ask for little.
 */
import type { Flight } from './flight.js'
import type { Share } from './share.js'

/** The share of one connection, requests: more than a browser has under way to an app, pictures and styles apart. */
const SHARE_MAX = 8
/** With few places a share is a smaller part of them still. */
const SHARES_MIN = 16

/** Gives requests their turns. */
export class Shares {
  readonly #places: number
  readonly #share: number
  readonly #loadOf: (flight: Flight) => number
  readonly #go: (flight: Flight) => void
  #waiting = 0

  /**
   * @param places of one web server, and as many requests wait at most
   * @param loadOf how many places are taken where this request would go
   * @param go called with one that has waited when it has its turn
   */
  constructor(places: number, loadOf: (flight: Flight) => number, go: (flight: Flight) => void) {
    this.#places = places
    this.#share = Math.max(1, Math.min(SHARE_MAX, Math.floor(places / SHARES_MIN)))
    this.#loadOf = loadOf
    this.#go = go
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#waiting
  }

  /** @param load places taken where it would go @returns whether it may go on now; once it may, it may always */
  isTurnOf(flight: Flight, load: number): boolean {
    if (flight.hasTurn) return true
    const { share } = flight
    if (share.taken >= this.#share && (share.waiting.size > 0 || this.#isBusy(load))) return false
    flight.hasTurn = true
    share.taken++
    return true
  }

  /** It waits until {@link isTurnOf} it. @returns false when too many do */
  wait(flight: Flight): boolean {
    if (this.#waiting >= this.#places) return false
    const { share, req } = flight
    flight.state = 'waiting'
    share.waiting.add(flight)
    this.#waiting++
    // Streams of HTTP/2 are bounded by their number, and each has a connection of its own here.
    if (!('carrier' in req.socket)) share.pause(req.socket)
    return true
  }

  /** Nobody works on it any more. */
  ended(flight: Flight): void {
    const { share } = flight
    if (flight.hasTurn) share.taken--
    else if (share.waiting.delete(flight)) this.#waiting--
    if (share.waiting.size === 0) {
      share.resume()
      return
    }
    if (share.isAdvancing) return
    share.isAdvancing = true
    // Not from here: one that is refused ends at once, and thousands may wait.
    process.nextTick(() => this.#advance(share))
  }

  #advance(share: Share<Flight>): void {
    for (const flight of share.waiting) {
      if (share.taken >= this.#share && this.#isBusy(this.#loadOf(flight))) break
      share.waiting.delete(flight)
      this.#waiting--
      flight.hasTurn = true
      share.taken++
      this.#go(flight)
    }
    share.isAdvancing = false
    if (share.waiting.size === 0) share.resume()
  }

  #isBusy(load: number): boolean {
    return load * 2 >= this.#places
  }
}
