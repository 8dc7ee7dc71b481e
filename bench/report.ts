/** What the bench says: for people as lines of text, for programs as one object. */
import { PARTS } from './cpu.js'
import { LOADS } from './loads.js'
import { PEERS, type PeerName } from './peers/peers.js'
import type { Block, BlockName } from './plan.js'
import type { RunOptions, Sample } from './run.js'
import { type Row, summaryOf } from './summary.js'
import type { Machine } from './support/machine.js'
import type { Spread } from './support/spread.js'
import { aligned, figure } from './support/table.js'
import { type Reached, type Target, targetsReached } from './targets.js'

/** What was measured with, beside the machine. */
export type Versions = Readonly<Record<string, string>>

/** What it takes to start a server, and to count its sessions, about, s. */
const START_SECONDS = 1
const CHECK_SECONDS = 0.7

/** What `--json` writes. */
export interface Report {
  readonly bench: 'peers'
  /** ISO 8601. */
  readonly date: string
  readonly machine: Machine
  readonly versions: Versions
  /** Load averages at the end: the bench itself, and whoever else ran meanwhile. */
  readonly loadAfter: readonly number[]
  readonly options: Omit<RunOptions, 'folder'>
  /** Servers for which this machine lacks something. */
  readonly skipped: readonly PeerName[]
  readonly samples: readonly Sample[]
  readonly rows: readonly Row[]
  readonly targets: readonly Reached[]
}

export function reportOf(parts: Omit<Report, 'bench' | 'rows' | 'targets'>): Report {
  return { bench: 'peers', ...parts, rows: summaryOf(parts.samples), targets: targetsReached(parts.samples) }
}

/** What is known before the first round. */
export function headLines(machine: Machine, versions: Versions, options: Report['options']): string[] {
  const { cores, model, memoryGib, system, node, load } = machine
  const { rounds, seconds, warmUpSeconds } = options
  return [
    `${cores} cores (${model}), ${memoryGib} GiB, ${system}, Node ${node}`,
    Object.entries(versions)
      .map(([name, version]) => `${name} ${version}`)
      .join(', '),
    `load average before: ${loadText(load)}`,
    `${rounds} rounds of ${seconds} s for each line, each after ${warmUpSeconds} s that are not counted`,
  ]
}

/** One measurement, as it is made. */
export function sampleLine(sample: Sample): string {
  const { block, round } = sample
  const done = `${figure(sample.requestsPerSecond, 0)}/s, p99 ${figure(sample.latency.p99, 1)} ms`
  return `${block} round ${round}: ${labelOf(sample)} ${done}`
}

/** How long a plan takes, about, minutes. */
export function minutesOf(plan: readonly Block[], options: Report['options']): number {
  const { rounds, seconds, warmUpSeconds, firstWarmUpSeconds } = options
  const cells = plan.reduce((sum, block) => sum + block.cells.length, 0)
  const once = START_SECONDS + firstWarmUpSeconds - warmUpSeconds
  return (cells * (once + rounds * (seconds + warmUpSeconds + CHECK_SECONDS))) / 60
}

/** The results. */
export function resultLines({ rows, skipped, targets, loadAfter }: Report): string[] {
  const blocks = [...new Set(rows.map(({ block }) => block))]
  return [
    ...blocks.flatMap(block => [
      '',
      titleOf(block),
      ...aligned([HEADER, ...rows.filter(row => row.block === block).map(cellsOf)]),
    ]),
    '',
    ...[...new Set(rows.map(({ peer }) => peer))].map(peer => `${peer}: ${PEERS[peer].about}`),
    ...skipped.map(name => `${name}: skipped, since redis-server is not installed here`),
    '',
    ...targetLines(targets),
    `load average after: ${loadText(loadAfter)}`,
  ]
}

/** µs are of CPU time for a request, in the order of {@link PARTS}; others are cores used by all else. */
const HEADER = [
  'server',
  'requests/s',
  'x bare',
  'p50 ms',
  'p99 ms',
  'p99.9 ms',
  'µs: director',
  'web',
  'session',
  'redis',
  'other',
  'all',
  'all x bare',
  'wrk',
  'director full at',
  'others',
]

function cellsOf(row: Row): string[] {
  const { p50, p99, p999 } = row.latency
  return [
    labelOf(row),
    spreadText(row.requestsPerSecond, 0),
    row.ofBare === null ? '-' : spreadText(row.ofBare, 2),
    ...[p50, p99, p999].map(ms => figure(ms, 2)),
    ...PARTS.map(part => (row.cpuUs[part] === 0 ? '-' : figure(row.cpuUs[part], 1))),
    figure(row.serverCpuUs, 1),
    row.cpuOfBare === null ? '-' : figure(row.cpuOfBare.median, 2),
    figure(row.wrkCpuUs, 1),
    row.directorFullAt === null ? '-' : `${figure(row.directorFullAt, 0)}/s`,
    figure(row.othersCores, 2),
  ]
}

function titleOf(block: BlockName): string {
  switch (block) {
    case 'web-servers':
      return 'web-servers: sticky, with more and more web servers'
    case 'connections':
      return 'connections: sticky, with more and more connections'
    case 'rate':
      return "rate: sticky, at parts of bare's requests/s, evenly spaced; latency from when each request was due"
    default:
      return `${block}: ${LOADS[block].about}`
  }
}

/** A server, and what its block varies. */
function labelOf(row: Pick<Row, 'block' | 'peer' | 'webServers' | 'connections' | 'ratePart'>): string {
  if (row.block === 'web-servers') return `${row.peer}, ${counted(row.webServers, 'web server')}`
  if (row.block === 'connections') return `${row.peer}, ${counted(row.connections, 'connection')}`
  if (row.ratePart !== null) return `${row.peer}, ${figure(row.ratePart * 100, 0)} %`
  return row.peer
}

function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`
}

function targetLines(targets: readonly Reached[]): string[] {
  const rows = targets.map(({ what, against, bound, reached, passed }) => [
    `${what}, against ${against}`,
    boundText(bound),
    reached === null ? 'not measured' : spreadText(reached, 2),
    passed === null ? '' : passed ? 'pass' : 'below',
  ])
  return aligned([['target', 'bound', 'reached', ''], ...rows])
}

function boundText(bound: Target['bound']): string {
  return 'atLeast' in bound ? `at least ${figure(bound.atLeast, 2)}` : `at most ${figure(bound.atMost, 2)}`
}

/** Median, lowest and highest. */
function spreadText({ median, min, max }: Spread, digits: number): string {
  const [middle, low, high] = [median, min, max].map(value => figure(value, digits))
  return `${middle} (${low}-${high})`
}

function loadText(load: readonly number[]): string {
  return load.map(average => average.toFixed(2)).join(', ')
}
