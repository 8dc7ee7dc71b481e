/** Rounds over all session servers, which take turns: whatever the machine does meanwhile, it does to all of them. */
import { Stage, WORKER_FILES } from '../lib/director/actors/stage.js'
import type { Measured } from './replication-load.js'
import { openStore, type Scope, type Store, type StoreName } from './replication-stores.js'

/** Time under load that is not counted, as a part of the time that is. */
const WARM_UP_PART = 0.25

/** What to measure. */
export interface RunOptions {
  readonly stores: readonly StoreName[]
  /** Numbers of changes under way, each measured for itself. */
  readonly inFlight: readonly number[]
  readonly rounds: number
  /** Time counted of each measurement, ms. */
  readonly countedMs: number
  /** Where session servers keep what they keep on disk. */
  readonly folder: string
}

/** One measurement of one round. */
export interface Sample extends Measured {
  /** From 1. */
  readonly round: number
  readonly store: StoreName
  readonly inFlight: number
}

/** What was measured of which session servers. */
export interface RunResult {
  readonly stores: readonly Pick<Store, 'name' | 'about'>[]
  /** Session servers for which this machine lacks something. */
  readonly skipped: readonly StoreName[]
  readonly samples: readonly Sample[]
}

/**
 * @param signal ends it between two measurements
 * @param onRound called after each round
 * @throws the signal's reason, or whatever went wrong with a session server
 */
export async function runRounds(
  options: RunOptions,
  scope: Scope,
  signal: AbortSignal,
  onRound: (round: number) => void,
): Promise<RunResult> {
  const { countedMs, rounds } = options
  const stores = await openStores(options, scope, signal)
  const samples: Sample[] = []
  for (let round = 1; round <= rounds; round++) {
    for (const inFlight of options.inFlight) {
      for (const store of rotated(stores, round - 1)) {
        signal.throwIfAborted()
        const measured = await store.measure({ inFlight, countedMs, warmUpMs: countedMs * WARM_UP_PART })
        samples.push({ round, store: store.name, inFlight, ...measured })
      }
    }
    onRound(round)
  }
  for (const store of stores) await store.check()
  const skipped = options.stores.filter(name => stores.every(store => store.name !== name))
  return { stores: stores.map(({ name, about }) => ({ name, about })), skipped, samples }
}

async function openStores(
  { stores, folder }: RunOptions,
  scope: Scope,
  signal: AbortSignal,
): Promise<Store[]> {
  const stage = new Stage(WORKER_FILES)
  scope.teardown(() => stage.destroy())
  const opened: Store[] = []
  for (const name of stores) {
    signal.throwIfAborted()
    const store = await openStore(name, { stage, scope, folder })
    if (store !== null) opened.push(store)
  }
  return opened
}

/** Each round another one begins. */
function rotated<T>(items: readonly T[], by: number): T[] {
  const from = by % Math.max(1, items.length)
  return [...items.slice(from), ...items.slice(0, from)]
}
