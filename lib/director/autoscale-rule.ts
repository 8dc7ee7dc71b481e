/**
 * When there should be more web servers, and when fewer: a rule over how busy their event loops are. Pure: samples and
 * the time go in, a number comes out.
 */

/** What is configured. */
export interface AutoscaleBounds {
  readonly min: number
  readonly max: number
}

/** Share of its time that an event loop should work: what a change aims at. Above, requests queue noticeably. */
const TARGET = 0.6
/** More are added when all of them together work more than this for {@link BUSY_FOR_MS}. */
const BUSY = 0.75
/** One is removed when the rest would still work less than this, for {@link CALM_FOR_MS}. */
const CALM = 0.5
/** A peak of a second or two is not worth a thread, ms. */
const BUSY_FOR_MS = 3_000
/** What is removed too early must be started again under load, ms. */
const CALM_FOR_MS = 60_000
/** After a change its effect is waited for: an app warms up, and partitions move, ms. */
const COOL_DOWN_MS = 10_000

export class AutoscaleRule {
  #bounds: AutoscaleBounds
  #busySince: number | null = null
  #calmSince: number | null = null
  #changedAt = Number.NEGATIVE_INFINITY
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(bounds: AutoscaleBounds) {
    this.#bounds = bounds
  }

  /** Other bounds hold from here on. */
  set bounds(bounds: AutoscaleBounds) {
    this.#bounds = bounds
  }

  /**
   * @param utilizations the share of its time that each web server's event loop worked since the last sample, 0 to 1
   * @param now ms of a clock that never goes back
   * @returns how many there should be; the present number when nothing is to be done
   */
  onSample(utilizations: readonly number[], now: number): number {
    const count = utilizations.length
    if (now - this.#failedAt < COOL_DOWN_MS) return count
    const bounded = this.#clamp(count)
    if (bounded !== count) return bounded
    const work = utilizations.reduce((sum, utilization) => sum + utilization, 0)
    this.#busySince = work / count > BUSY ? (this.#busySince ?? now) : null
    this.#calmSince = count > 1 && work / (count - 1) < CALM ? (this.#calmSince ?? now) : null
    if (now - this.#changedAt < COOL_DOWN_MS) return count
    if (this.#busySince !== null && now - this.#busySince >= BUSY_FOR_MS) {
      // By what is missing, but not more than twice as many: a loop that is full does not tell how much waits for it.
      return this.#clamp(Math.min(2 * count, Math.max(count + 1, Math.ceil(work / TARGET))))
    }
    if (this.#calmSince !== null && now - this.#calmSince >= CALM_FOR_MS) return this.#clamp(count - 1)
    return count
  }

  /** The number of web servers has been changed, by whomever. */
  onChanged(now: number): void {
    this.#changedAt = now
    this.#busySince = null
    this.#calmSince = null
  }

  /** A change came to nothing: what does not start now will not a second later. */
  onFailed(now: number): void {
    this.onChanged(now)
    this.#failedAt = now
  }

  #clamp(count: number): number {
    return Math.min(this.#bounds.max, Math.max(this.#bounds.min, count))
  }
}
