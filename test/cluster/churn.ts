/**
 * Churn: clients count as fast as they can while one actor after the other dies, each as soon as the cluster is whole
 * again. The same seed gives the same order of faults; what they hit is up to the machine.
 */

import { Random } from '../simulation/random.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { Load } from '../support/load.js'
import { failuresOf, type Tally } from '../support/load-client.js'
import { until } from '../support/until.js'
import { ALL_FAULTS, commitFault, type FaultKind } from './churn-faults.js'

/** Increments of an undisturbed cluster between two faults. */
const CALM_INCREMENTS = 500

/** Of the faults after the first of each kind: there is only one way to lose a session server. */
const SESSION_SERVER_SHARE = 0.25

/** What a churn is made of. */
export interface ChurnOptions {
  readonly seed: number
  /** It is over after so many faults, or after so long. */
  readonly faults?: number
  readonly minutes?: number
  readonly kinds?: readonly FaultKind[]
  readonly clients?: number
  /** Sessions of each client. */
  readonly sessions?: number
  /** Configuration of the cluster. */
  readonly config?: Record<string, unknown>
  /** Told of each fault. */
  readonly onFault?: (line: string) => void
}

/** What became of it. */
export interface ChurnReport {
  readonly tally: Tally
  readonly seconds: number
  readonly faults: Record<string, number>
  /** Failed requests by the fault in whose time they failed. */
  readonly failuresByFault: Record<string, number>
  /** Deaths by how they were seen: the director's log. */
  readonly deaths: Record<string, number>
}

/** What a churn needs of the test that runs it. */
export interface ChurnScope {
  teardown(end: () => unknown): void
}

/** Runs one churn to its end. */
export async function churn(scope: ChurnScope, options: ChurnOptions): Promise<ChurnReport> {
  const { seed, faults = Number.POSITIVE_INFINITY, minutes = Number.POSITIVE_INFINITY } = options
  const { kinds = ALL_FAULTS, clients = 64, sessions = 1, config = {}, onFault } = options
  const random = new Random(seed)
  const cluster = await startCluster(scope, {
    ...config,
    webServers: { threads: 3, hangTimeout: '1s', heapMb: 64, ...(config.webServers as object) },
  })
  await cluster.whole()
  const load = new Load({ url: cluster.url, clients, sessions, named: true })
  scope.teardown(() => load.kill())
  const committed: Record<string, number> = {}
  const failuresByFault: Record<string, number> = {}
  let before = await afterIncrements(load, 0)
  for (let fault = 0; fault < faults && load.ranMs < minutes * 60_000; fault++) {
    const kind = nextKind(random, kinds, fault)
    const startedAt = performance.now()
    const deaths = deathsIn(cluster)
    await commitFault(kind, cluster, random)
    await until(() => deathsIn(cluster) > deaths)
    await cluster.whole()
    const wholeMs = performance.now() - startedAt
    const after = await afterIncrements(load, (await load.report()).increments + CALM_INCREMENTS)
    const failures = failuresOf(after) - failuresOf(before)
    count(committed, kind)
    count(failuresByFault, kind, failures)
    const last = cluster.logged.filter(isDeath).at(-1)
    onFault?.(
      `${fault + 1}. ${kind}: ${last?.actor} ${last?.how ?? last?.msg}, whole after ${Math.round(wholeMs)} ms, ` +
        `${after.requests - before.requests} requests, ${failures} failed`,
    )
    before = after
    if (after.violations.length > 0) break
  }
  const tally = await load.stop()
  return {
    tally,
    seconds: load.ranMs / 1000,
    faults: committed,
    failuresByFault,
    deaths: deathsByKind(cluster),
  }
}

/** The report in a few lines. */
export function describeChurn({ tally, seconds, faults, failuresByFault, deaths }: ChurnReport): string[] {
  return [
    `${tally.requests} requests in ${seconds.toFixed(1)} s: ${Math.round(tally.requests / seconds)} requests/s`,
    `faults: ${listOf(faults)}`,
    `deaths as seen: ${listOf(deaths)}`,
    `failures: ${listOf(tally.failures)}`,
    `failures by fault: ${listOf(failuresByFault)}`,
    `increments that a repeated request made twice: ${tally.repeats}`,
    `violations: ${tally.violations.length === 0 ? 'none' : tally.violations.join('\n  ')}`,
  ]
}

/** First each kind once, in the order of the list, then any. */
function nextKind(random: Random, kinds: readonly FaultKind[], fault: number): FaultKind {
  const recopies = kinds.includes('kill session server') && random.chance(SESSION_SERVER_SHARE)
  const kind = kinds[fault] ?? (recopies ? 'kill session server' : random.pick(kinds))
  if (kind === undefined) throw new RangeError('a churn needs a kind of fault')
  return kind
}

async function afterIncrements(load: Load, increments: number): Promise<Tally> {
  let tally = await load.report()
  await until(async () => {
    tally = await load.report()
    return tally.increments > increments || tally.violations.length > 0
  })
  return tally
}

type Line = TestCluster['logged'][number]

function isDeath({ msg, actor }: Line): boolean {
  return (msg === 'lost' || msg === 'stopped') && actor !== undefined
}

function deathsIn(cluster: TestCluster): number {
  return cluster.logged.filter(isDeath).length
}

function deathsByKind(cluster: TestCluster): Record<string, number> {
  const deaths: Record<string, number> = {}
  for (const line of cluster.logged.filter(isDeath)) {
    const { code, message } = (line.err ?? {}) as { code?: string; message?: string }
    const why = line.msg === 'stopped' ? 'stopped to be replaced' : (code ?? message ?? 'unknown')
    count(deaths, why === 'ACTOR_KILLED' ? `killed, ${message?.split(': ')[1]}` : why)
  }
  return deaths
}

function count(counts: Record<string, number>, key: string, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by
}

function listOf(counts: Record<string, number>): string {
  const list = Object.entries(counts).map(([key, times]) => `${times} × ${key}`)
  return list.length === 0 ? 'none' : list.join(', ')
}
