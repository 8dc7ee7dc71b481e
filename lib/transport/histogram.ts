/**
 * A histogram of durations that costs the measured path an addition or two: fixed bounds, one preallocated counter for
 * each, nothing allocated per value. Read by whoever shows it, in the form that crosses a control call.
 */

/** Upper bounds of the buckets, ms; from a cache hit's answer to what a person gives up on. */
export const DURATION_BOUNDS_MS: readonly number[] = [
  0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000,
]

/** What a histogram has seen so far. */
export interface DurationCounts {
  /** Values in each bucket of {@link DURATION_BOUNDS_MS}, not cumulative; the last, one more, has those beyond all bounds. */
  readonly counts: readonly number[]
  /** Sum of all values, ms. */
  readonly sumMs: number
}

/** Counts durations. */
export class DurationHistogram {
  readonly #counts = new Float64Array(DURATION_BOUNDS_MS.length + 1)
  #sumMs = 0

  /** @param ms the duration, not negative */
  observe(ms: number): void {
    let bucket = 0
    // Most values are in the first few buckets: a search would be slower.
    while (ms > (DURATION_BOUNDS_MS[bucket] ?? Number.POSITIVE_INFINITY)) bucket++
    this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1
    this.#sumMs += ms
  }

  read(): DurationCounts {
    return { counts: [...this.#counts], sumMs: this.#sumMs }
  }
}
