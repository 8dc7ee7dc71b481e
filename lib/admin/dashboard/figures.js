/** What can be reckoned from two measures: rates, and quantiles of what happened in between. */

/** @import { ClusterMeasures } from '../../director/measured.js' */
/** @import { DurationCounts } from '../../transport/histogram.js' */

/** Figures are over so long, so that a quiet second does not empty them, ms. */
const WINDOW_MS = 5_000

/**
 * @typedef {object} Point what one look at the cluster gives the charts
 * @property {number} at seconds since the epoch
 * @property {number} rate requests per second
 * @property {number | null} p50 ms; null when there were no requests
 * @property {number | null} p99
 * @property {number | null} ackP50
 * @property {number | null} ackP99
 * @property {number} sessions
 */

/** Looks at the cluster, each compared with one some seconds ago. */
export class Figures {
  /** @type {{ at: number, measures: ClusterMeasures }[]} */
  #looks = []

  /** @param {ClusterMeasures} measures @param {number} at ms since the epoch @returns {Point} */
  add(measures, at) {
    this.#looks.push({ at, measures })
    while (this.#looks.length > 2 && at - (this.#looks[1]?.at ?? at) >= WINDOW_MS) this.#looks.shift()
    const first = this.#looks[0]?.measures ?? measures
    const last = this.#looks.at(-2)
    const seconds = last === undefined ? 0 : (at - last.at) / 1000
    const requests = requestsOf(measures) - requestsOf(last?.measures ?? measures)
    const latency = since(
      total(first.traffic.flatMap(t => t.durations)),
      total(measures.traffic.flatMap(t => t.durations)),
    )
    const acks = since(new Map(acksOf(first)), new Map(acksOf(measures)))
    const bounds = measures.durationBoundsMs
    return {
      at: at / 1000,
      rate: seconds > 0 ? Math.max(0, requests) / seconds : 0,
      p50: quantile(latency, 0.5, bounds),
      p99: quantile(latency, 0.99, bounds),
      ackP50: quantile(acks, 0.5, bounds),
      ackP99: quantile(acks, 0.99, bounds),
      sessions: sum(measures.webServers.map(({ stats }) => stats?.sessions ?? 0)),
    }
  }

  /**
   * @param {string} actor @param {ClusterMeasures} measures
   * @returns {number | null} share of the last seconds in which its event loop worked
   */
  busy(actor, measures) {
    const now = threadOf(measures, actor)
    const before = threadOf(this.#looks[0]?.measures ?? measures, actor)
    if (now === null) return null
    const isSame = before !== null && before !== now && before.loopActiveMs <= now.loopActiveMs
    const active = now.loopActiveMs - (isSame ? before.loopActiveMs : 0)
    const idle = now.loopIdleMs - (isSame ? before.loopIdleMs : 0)
    return active + idle > 0 ? active / (active + idle) : 0
  }
}

/** @param {ClusterMeasures} measures @param {string} actor */
function threadOf({ director, webServers, sessionServers }, actor) {
  if (actor === 'director') return director
  return [...webServers, ...sessionServers].find(({ name }) => name === actor)?.stats ?? null
}

/** @param {ClusterMeasures} measures */
function requestsOf({ traffic }) {
  return sum(traffic.flatMap(({ requests }) => requests.flat()))
}

/** @param {ClusterMeasures} measures @returns {[string, readonly number[]][]} */
function acksOf({ webServers }) {
  return webServers.flatMap(({ name, stats }) => (stats === null ? [] : [[name, stats.acks.counts]]))
}

/** @param {readonly DurationCounts[]} histograms @returns {Map<string, readonly number[]>} */
function total(histograms) {
  /** @type {number[]} */
  const counts = []
  for (const histogram of histograms) {
    for (const [bucket, count] of histogram.counts.entries()) counts[bucket] = (counts[bucket] ?? 0) + count
  }
  return new Map([['all', counts]])
}

/**
 * @param {ReadonlyMap<string, readonly number[]>} before @param {ReadonlyMap<string, readonly number[]>} now
 * @returns {number[]} what came in between, over all; who began anew meanwhile counts from its beginning
 */
function since(before, now) {
  /** @type {number[]} */
  const counts = []
  for (const [name, ofNow] of now) {
    const ofBefore = before.get(name) ?? []
    const isNew = sum(ofNow) < sum(ofBefore)
    for (const [bucket, count] of ofNow.entries()) {
      counts[bucket] = (counts[bucket] ?? 0) + count - (isNew ? 0 : (ofBefore[bucket] ?? 0))
    }
  }
  return counts
}

/**
 * @param {readonly number[]} counts by bucket @param {number} q 0 to 1
 * @param {readonly number[]} bounds upper bound of each bucket but the last, ms
 * @returns {number | null} ms, between the bounds of the bucket in proportion; null when there is nothing
 */
export function quantile(counts, q, bounds) {
  const all = sum(counts)
  if (all === 0) return null
  let left = q * all
  for (const [bucket, count] of counts.entries()) {
    const low = bucket === 0 ? 0 : (bounds[bucket - 1] ?? 0)
    // Beyond the last bound nothing is known but that.
    const high = bounds[bucket] ?? low
    if (count >= left && count > 0) return low + (high - low) * (left / count)
    left -= count
  }
  return bounds.at(-1) ?? null
}

/** @param {readonly number[]} numbers */
export function sum(numbers) {
  return numbers.reduce((all, number) => all + number, 0)
}

/** @param {number | null} value @returns {string} three digits at most, of any size */
export function short(value) {
  if (value === null) return '–'
  if (value >= 1_000_000) return `${(value / 1_000_000).toFixed(1)}M`
  if (value >= 100_000) return `${Math.round(value / 1000)}k`
  if (value >= 10_000) return `${(value / 1000).toFixed(1)}k`
  if (value >= 10 || Number.isInteger(value)) return String(Math.round(value))
  return value.toFixed(1)
}

/** @param {number} bytes */
export function bytesText(bytes) {
  const mib = bytes / 1024 / 1024
  if (mib < 1) return `${Math.ceil(bytes / 1024)} KiB`
  if (mib >= 1024) return `${(mib / 1024).toFixed(1)} GiB`
  return mib >= 10 ? `${Math.round(mib)} MiB` : `${mib.toFixed(1)} MiB`
}

/** @param {number} ms */
export function durationText(ms) {
  const seconds = Math.floor(ms / 1000)
  const parts = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ]
  const first = parts.findIndex(([count]) => count !== 0)
  return parts
    .slice(first === -1 ? 3 : first)
    .slice(0, 2)
    .map(([count, unit]) => `${count}${unit}`)
    .join(' ')
}
