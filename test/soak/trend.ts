/** Whether a figure rises: least squares over its samples. */

/** One figure at one moment. */
export interface Sample {
  /** Since the start of the soak, ms. */
  readonly atMs: number
  readonly value: number
}

/** Where a figure went. */
export interface Trend {
  readonly mean: number
  readonly slopePerHour: number
  /** Twice the standard error of the slope: it is within this of the true one, as a rule. */
  readonly uncertaintyPerHour: number
  /** Neither rises by more than a twentieth of its mean within an hour nor, if it does, beyond doubt. */
  readonly isFlat: boolean
}

const HOUR_MS = 3_600_000
/** Of the mean, within an hour: below, a machine would have to run for a day to double. */
const RISE_MAX = 0.05

/** @param samples at least three, at different moments */
export function trendOf(samples: readonly Sample[]): Trend {
  if (samples.length < 3) throw new RangeError(`a trend needs three samples, but there are ${samples.length}`)
  const meanMs = meanOf(samples.map(({ atMs }) => atMs))
  const mean = meanOf(samples.map(({ value }) => value))
  const spread = sumOf(samples.map(({ atMs }) => (atMs - meanMs) ** 2))
  const slope = sumOf(samples.map(({ atMs, value }) => (atMs - meanMs) * (value - mean))) / spread
  const residual = sumOf(samples.map(({ atMs, value }) => (value - mean - slope * (atMs - meanMs)) ** 2))
  const error = Math.sqrt(residual / (samples.length - 2) / spread)
  const slopePerHour = slope * HOUR_MS
  const uncertaintyPerHour = 2 * error * HOUR_MS
  const isFlat = slopePerHour <= RISE_MAX * mean || slopePerHour <= uncertaintyPerHour
  return { mean, slopePerHour, uncertaintyPerHour, isFlat }
}

function sumOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0)
}

function meanOf(values: readonly number[]): number {
  return sumOf(values) / values.length
}
