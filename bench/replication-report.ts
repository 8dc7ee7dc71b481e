/** What the bench of replication says: for people as lines of text, for programs as one object. */
import { SESSION_BYTES, SESSION_COUNT } from './replication-load.js'
import type { RunOptions, RunResult, Sample } from './replication-run.js'
import type { Machine } from './support/machine.js'
import { type Spread, spreadOf } from './support/spread.js'

const MB = 1e6

/** All rounds of one session server at one load. */
export interface Summary {
  readonly store: string
  readonly inFlight: number
  readonly mutationsPerSecond: Spread
  readonly bytesPerSecond: Spread
  readonly ackP50Ms: Spread
  readonly ackP99Ms: Spread
}

/** What `--json` writes. */
export interface Report extends RunResult {
  readonly bench: 'replication'
  readonly machine: Machine
  /** Load averages at the end: the bench itself, and whoever else ran meanwhile. */
  readonly loadAfter: readonly number[]
  readonly options: RunOptions
  readonly sessions: { readonly count: number; readonly bytes: number }
  readonly summary: readonly Summary[]
}

export function reportOf(
  options: RunOptions,
  result: RunResult,
  machine: Machine,
  loadAfter: readonly number[],
): Report {
  const summary = result.stores.flatMap(({ name }) =>
    options.inFlight.map(inFlight => summaryOf(name, inFlight, result.samples)),
  )
  const sessions = { count: SESSION_COUNT, bytes: SESSION_BYTES }
  return { bench: 'replication', machine, loadAfter, options, sessions, ...result, summary }
}

/** What is known before the first round. */
export function headLines(
  { cores, model, memoryGib, system, node, load }: Machine,
  options: RunOptions,
): string[] {
  const { rounds, countedMs } = options
  return [
    `Replication: one web server to one session server, ${SESSION_COUNT} sessions of ${SESSION_BYTES} bytes, acks one`,
    `${cores} cores (${model}), ${memoryGib} GiB, ${system}, Node ${node}`,
    `load average before: ${loadText(load)}`,
    `${rounds} rounds of ${countedMs / 1_000} s for each line; below: median (lowest-highest)`,
  ]
}

/** The results. */
export function resultLines({ stores, skipped, summary, loadAfter }: Report): string[] {
  const rows = summary.map(row => [
    row.store,
    String(row.inFlight),
    spreadText(row.mutationsPerSecond, 0),
    (row.bytesPerSecond.median / MB).toFixed(1),
    spreadText(row.ackP50Ms, 2),
    spreadText(row.ackP99Ms, 2),
  ])
  return [
    `load average after: ${loadText(loadAfter)}`,
    '',
    ...aligned([['store', 'in flight', 'mutations/s', 'MB/s', 'ack p50, ms', 'ack p99, ms'], ...rows]),
    '',
    ...stores.map(({ name, about }) => `${name}: ${about}`),
    ...skipped.map(name => `${name}: skipped, since ${name}-server is not installed here`),
  ]
}

function summaryOf(store: string, inFlight: number, samples: readonly Sample[]): Summary {
  const rounds = samples.filter(sample => sample.store === store && sample.inFlight === inFlight)
  return {
    store,
    inFlight,
    mutationsPerSecond: spreadOf(rounds.map(sample => sample.mutationsPerSecond)),
    bytesPerSecond: spreadOf(rounds.map(sample => sample.bytesPerSecond)),
    ackP50Ms: spreadOf(rounds.map(sample => sample.ackP50Ms)),
    ackP99Ms: spreadOf(rounds.map(sample => sample.ackP99Ms)),
  }
}

function spreadText({ median, min, max }: Spread, digits: number): string {
  const [middle, low, high] = [median, min, max].map(figure =>
    figure.toLocaleString('en', { minimumFractionDigits: digits, maximumFractionDigits: digits }),
  )
  return `${middle} (${low}-${high})`
}

function loadText(load: readonly number[]): string {
  return load.map(average => average.toFixed(2)).join(', ')
}

/** The first column to the left, figures to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map(row => row[column]?.length ?? 0)))
  return rows.map(row =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  )
}
