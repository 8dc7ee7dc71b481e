/** Gathers every figure that the cluster can tell of itself: what /status, /metrics and the dashboard are made of. */
import type { SessionServerConfig } from '../config/schema.js'
import { type ActorName, ALL_PARTITIONS, PARTITION_COUNT } from '../replication/ids.js'
import type { PartitionTable } from '../replication/partition-table.js'
import type { SessionServerControl, WebServerControl } from '../transport/actor-control.js'
import { DURATION_BOUNDS_MS } from '../transport/histogram.js'
import { threadStats } from '../transport/thread-stats.js'
import type { ActorHandle } from './actors/actor-handle.js'
import type { Supervisor } from './actors/supervisor.js'
import type { Front } from './front/front.js'
import type { WebServerLink } from './front/router.js'
import type { ClusterMeasures, PartitionMap, SessionServerMeasures, WebServerMeasures } from './measured.js'
import type { Observations } from './observations.js'

/** Longest wait for the counters of one actor, ms: one that hangs must not keep the figures of the others away. */
const STATS_DEADLINE_MS = 500

/** What measures are taken of. */
export interface MeasureSources {
  readonly uptimeMs: number
  readonly stopping: boolean
  readonly front: Front
  readonly table: PartitionTable
  readonly observations: Observations
  readonly webServers: ReadonlyMap<ActorName, Supervisor<WebServerControl>>
  readonly sessionServers: ReadonlyMap<ActorName, Supervisor<SessionServerControl>>
  readonly sessionServerConfigs: readonly SessionServerConfig[]
  readonly links: ReadonlyMap<ActorName, WebServerLink>
}

/**
 * What the director knows is taken at once; then every actor that runs is asked for its counters, so that these are
 * never older. One that does not answer in time shows none.
 */
export async function measuresOf(sources: MeasureSources): Promise<ClusterMeasures> {
  const { table, front, observations } = sources
  const webServers = [...sources.webServers].map(([name, of]) => measureWebServer(name, of, sources))
  const sessionServers = sources.sessionServerConfigs.map(config => measureSessionServer(config, sources))
  const known = {
    director: {
      uptimeMs: sources.uptimeMs,
      state: sources.stopping ? 'stopping' : 'running',
      requestsInFlight: front.inFlight,
      parked: front.parked,
      connections: front.connections,
      tunnels: front.tunnels,
      residentBytes: process.memoryUsage.rss(),
      ...threadStats(),
    },
    durationBoundsMs: DURATION_BOUNDS_MS,
    traffic: front.traffic,
    partitions: {
      total: PARTITION_COUNT,
      unowned: table.unowned().length,
      underCopied: table.underCopied(),
    },
    observed: observations.counts,
    tableVersion: table.version,
  } as const
  return {
    ...known,
    webServers: await Promise.all(webServers),
    sessionServers: await Promise.all(sessionServers),
  }
}

/** @returns where every partition is now */
export function partitionMapOf({
  table,
  webServers,
  sessionServerConfigs,
}: Pick<MeasureSources, 'table' | 'webServers' | 'sessionServerConfigs'>): PartitionMap {
  const owners = [...webServers.keys()]
  const replicas = sessionServerConfigs.map(({ name }) => name as ActorName)
  const bitsOf = (names: readonly ActorName[]) =>
    names.reduce((bits, name) => bits | (1 << replicas.indexOf(name)), 0)
  return {
    version: table.version,
    webServers: owners,
    sessionServers: replicas,
    owners: ALL_PARTITIONS.map(partition => {
      const owner = table.ownerOf(partition)
      return owner === null ? -1 : owners.indexOf(owner)
    }),
    synced: ALL_PARTITIONS.map(partition => bitsOf(table.syncedReplicasOf(partition))),
    replicas: ALL_PARTITIONS.map(partition => bitsOf(table.replicasOf(partition))),
  }
}

async function measureWebServer(
  name: ActorName,
  { state, restarts, actor }: Supervisor<WebServerControl>,
  { table, links }: MeasureSources,
): Promise<WebServerMeasures> {
  const partitions = table.ownedBy(name).length
  const requestsInFlight = links.get(name)?.inFlight ?? 0
  return { name, state, restarts, partitions, requestsInFlight, stats: await statsOf(actor) }
}

async function measureSessionServer(
  { name, on, store }: SessionServerConfig,
  { table, sessionServers }: MeasureSources,
): Promise<SessionServerMeasures> {
  const { state = 'down', restarts = 0, actor = null } = sessionServers.get(name as ActorName) ?? {}
  const partitions = table.syncedAt(name as ActorName)
  return { name, host: on, store: store.kind, state, restarts, partitions, stats: await statsOf(actor) }
}

/** @returns null for an actor that is down, starting or silent, which its state tells */
async function statsOf<S>(actor: ActorHandle<{ stats(): Promise<S> }> | null): Promise<S | null> {
  if (actor === null) return null
  return await actor.control
    .within(STATS_DEADLINE_MS)
    .stats()
    .catch(() => null)
}
