/** What the rounds of a run say together. */
import { type CpuTimes, NO_TIME, PARTS, type Part } from './cpu.js'
import { bareOf, type Cell, cellKey } from './plan.js'
import type { Sample } from './run.js'
import { type Spread, spreadOf } from './support/spread.js'
import type { Latency } from './wrk/wrk.js'

const US_PER_SECOND = 1e6

/** One line of the report. */
export interface Row extends Cell {
  /** Requests a second that were asked for; null: as many as it can. */
  readonly rate: number | null
  readonly requestsPerSecond: Spread
  /** Against the bare server in the same rounds; null when that was not measured. */
  readonly ofBare: Spread | null
  /** Medians of the rounds, ms: from the moment each request was due where the rate is constant. */
  readonly latency: Latency
  readonly p99: Spread
  /** Medians of the rounds, µs a request. */
  readonly cpuUs: CpuTimes
  /** Of all parts together. */
  readonly serverCpuUs: number
  /** The latter against the bare server in the same rounds; null when that was not measured. */
  readonly cpuOfBare: Spread | null
  readonly wrkCpuUs: number
  readonly othersCores: number
  /** Requests a second that would take all the time of the director's thread; null where there is none. */
  readonly directorFullAt: number | null
}

/** @returns a row for each cell, in the order in which they were measured first */
export function summaryOf(samples: readonly Sample[]): Row[] {
  const cells = new Map<string, Sample[]>()
  for (const sample of samples) {
    const key = cellKey(sample)
    cells.set(key, [...(cells.get(key) ?? []), sample])
  }
  return [...cells.values()].flatMap(rounds => rowOf(rounds, samples) ?? [])
}

/**
 * @returns the ratio of two cells, each round of the one against the same round of the other; null when one of them was
 * not measured
 */
export function ratioOf(
  of: readonly Sample[],
  to: readonly Sample[],
  figureOf: (sample: Sample) => number,
  otherFigureOf = figureOf,
): Spread | null {
  const ratios = of.flatMap(sample => {
    const other = to.find(({ round }) => round === sample.round)
    return other === undefined ? [] : [figureOf(sample) / otherFigureOf(other)]
  })
  return ratios.length === 0 ? null : spreadOf(ratios)
}

/** @returns the latency that says how long clients waited, ms */
export function latencyOf({ latency, dueLatency }: Sample): Latency {
  return dueLatency ?? latency
}

/** @returns CPU time of all parts of the server for a request, µs */
function serverCpuOf({ cpuUs }: Sample): number {
  return PARTS.reduce((sum, part) => sum + cpuUs[part], 0)
}

function rowOf(rounds: readonly Sample[], samples: readonly Sample[]): Row | null {
  const [first] = rounds
  if (first === undefined) return null
  const { block, peer, load, webServers, connections, ratePart } = first
  const median = (figureOf: (sample: Sample) => number) => spreadOf(rounds.map(figureOf)).median
  const bareKey = cellKey(bareOf(first))
  const bare = samples.filter(sample => cellKey(sample) === bareKey)
  const cpuUs: Record<Part, number> = { ...NO_TIME }
  for (const part of PARTS) cpuUs[part] = median(sample => sample.cpuUs[part])
  return {
    ...{ block, peer, load, webServers, connections, ratePart },
    rate: first.rate,
    requestsPerSecond: spreadOf(rounds.map(sample => sample.requestsPerSecond)),
    ofBare: ratioOf(rounds, bare, sample => sample.requestsPerSecond),
    latency: {
      p50: median(sample => latencyOf(sample).p50),
      p99: median(sample => latencyOf(sample).p99),
      p999: median(sample => latencyOf(sample).p999),
    },
    p99: spreadOf(rounds.map(sample => latencyOf(sample).p99)),
    cpuUs,
    serverCpuUs: median(serverCpuOf),
    cpuOfBare: ratioOf(rounds, bare, serverCpuOf),
    wrkCpuUs: median(sample => sample.wrkCpuUs),
    othersCores: median(sample => sample.othersCores),
    directorFullAt: cpuUs.director === 0 ? null : US_PER_SECOND / cpuUs.director,
  }
}
