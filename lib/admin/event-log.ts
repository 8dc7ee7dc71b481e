/** The latest events of the cluster, numbered, so that a reader who was away gets what was missed. */
import { randomBytes } from 'node:crypto'
import type { Observed } from '../director/measured.js'

/** Events that are kept: a takeover with all that follows has about ten. */
const EVENTS_MAX = 256

/** An event with its place in the log. */
export interface LoggedEvent {
  /** `life-number`: numbers begin anew with each start of the director, which makes another life. */
  readonly id: string
  /** When it happened, ms since the epoch. */
  readonly at: number
  readonly event: Observed
}

/** A bounded log of events. */
export class EventLog {
  readonly #life = randomBytes(4).toString('hex')
  readonly #events: LoggedEvent[] = []
  #lastNumber = 0

  /** Adds an event; the oldest makes room. @param now ms since the epoch */
  add(event: Observed, now: number): LoggedEvent {
    const logged = { id: `${this.#life}-${++this.#lastNumber}`, at: now, event }
    this.#events.push(logged)
    if (this.#events.length > EVENTS_MAX) this.#events.shift()
    return logged
  }

  /**
   * @param lastId the last event that the reader has; null, or one of an earlier life, for none
   * @returns what came after it, and how many of those are not kept any more
   */
  after(lastId: string | null): { readonly missed: number; readonly events: readonly LoggedEvent[] } {
    const [life, digits = ''] = lastId?.split('-') ?? []
    const number = life === this.#life && /^\d+$/.test(digits) ? Number(digits) : null
    if (number === null) return { missed: 0, events: [...this.#events] }
    const first = this.#lastNumber - this.#events.length + 1
    return {
      missed: Math.max(0, first - number - 1),
      events: this.#events.slice(Math.max(0, number + 1 - first)),
    }
  }
}
