/**
 * Which cached sessions hold more than their committed text: live data that was parsed from it, a cookie that was verified.
 * Whoever has not been used for a round of looks is to rest, and the eldest too when all together take too much.
 */
import type { SessionEntry } from './session-entry.js'

/** Beside the live data: counters, the verified cookie. Measured with `npm run bench:memory`. */
const WORK_BYTES = 400
/** Live data for each character of the text it was parsed from. Measured with shopping carts of 100 bytes to 7 KB: 1.3 to 3.5. */
const LIVE_BYTES_PER_CHAR = 2.5
/** Sessions looked at in one go when there are too many: the next change looks on. */
const LOOKS_MAX = 8

export class WorkingSessions {
  /** In the order in which they began, or were looked at last. */
  readonly #entries = new Set<SessionEntry>()
  #bytes = 0
  /** Looks that a sweep has left to the next one: a part of one. */
  #looksDue = 0

  /** Estimated bytes beyond their committed text. */
  get bytes(): number {
    return this.#bytes
  }

  get count(): number {
    return this.#entries.size
  }

  /** Takes notice of a session, and of how large it is now. */
  note(entry: SessionEntry): void {
    if (!entry.isWorking) return
    const bytes = WORK_BYTES + entry.text.length * LIVE_BYTES_PER_CHAR
    if (entry.countedWorkBytes === bytes) return
    if (entry.countedWorkBytes === 0) this.#entries.add(entry)
    this.#bytes += bytes - entry.countedWorkBytes
    entry.countedWorkBytes = bytes
  }

  /** Takes no more notice of a session. */
  forget(entry: SessionEntry): void {
    if (!this.#entries.delete(entry)) return
    this.#bytes -= entry.countedWorkBytes
    entry.countedWorkBytes = 0
  }

  /** Lets those rest that were not used since the last look at them. @param part of all of them, from 0 to 1 */
  sweep(part: number): void {
    this.#looksDue += this.#entries.size * part
    for (const entry of this.#entries) {
      if (this.#looksDue < 1) break
      this.#looksDue--
      if (entry.wasUsed) this.#postpone(entry)
      else this.#rest(entry)
    }
  }

  /** Lets the eldest rest until no more than this is left, as far as nobody needs them. */
  limit(maxBytes: number): void {
    // Before the first step of a walk, which passes every place that a Set keeps of deleted entries.
    if (this.#bytes <= maxBytes) return
    let looks = LOOKS_MAX
    for (const entry of this.#entries) {
      if (this.#bytes <= maxBytes || looks-- === 0) break
      this.#rest(entry)
    }
  }

  #rest(entry: SessionEntry): void {
    const bytes = entry.countedWorkBytes
    if (!entry.rest()) {
      this.#postpone(entry)
      return
    }
    this.#entries.delete(entry)
    this.#bytes -= bytes
    entry.countedWorkBytes = 0
  }

  #postpone(entry: SessionEntry): void {
    entry.wasUsed = false
    this.#entries.delete(entry)
    this.#entries.add(entry)
  }
}
