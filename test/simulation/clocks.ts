/** The clocks of the simulated hosts: each may jump, while the virtual time beneath goes on evenly. */
import type { Timeline } from './timeline.js'

/** The host of the director, of all web servers and of the local session servers. */
export const MAIN_HOST = 'main'
/** What clocks show at first, ms: far from 0, so that no jump takes them below. */
const START_MS = 10_000_000

export class Clocks {
  readonly #timeline: Timeline
  readonly #offsets = new Map<string, number>()
  #latest = START_MS
  #putBackMs = 0

  constructor(timeline: Timeline) {
    this.#timeline = timeline
  }

  /** @returns ms since the Unix epoch, as that host sees it */
  now(host: string): number {
    const now = START_MS + this.#timeline.now + (this.#offsets.get(host) ?? 0)
    if (now > this.#latest) this.#latest = now
    return now
  }

  /** The latest time that any clock has ever shown to anybody: what ended before may be gone. */
  get latest(): number {
    return this.#latest
  }

  /** What the slowest clock shows now, ms since the Unix epoch: what ended before has ended everywhere. */
  get earliest(): number {
    return START_MS + this.#timeline.now + Math.min(0, ...this.#offsets.values())
  }

  /** How far all clocks have been put back together: a session that was used after that may end so much earlier, ms. */
  get putBackMs(): number {
    return this.#putBackMs
  }

  jump(host: string, byMs: number): void {
    this.#putBackMs += Math.max(0, -byMs)
    this.#offsets.set(host, (this.#offsets.get(host) ?? 0) + byMs)
  }
}
