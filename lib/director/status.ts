/** Gathers what GET /status answers from the director's parts. */
import type { SessionServerConfig } from '../config/schema.js'
import type { ActorName } from '../replication/ids.js'
import { PARTITION_COUNT } from '../replication/ids.js'
import type { PartitionTable } from '../replication/partition-table.js'
import type { SessionServerControl, WebServerControl } from '../transport/actor-control.js'
import type { ActorHandle } from './actors/actor-handle.js'
import type { Supervisor } from './actors/supervisor.js'
import type { ClusterStatus, SessionServerStatus, WebServerStatus } from './cluster.js'
import type { Front } from './front/front.js'
import type { WebServerLink } from './front/router.js'

/** Longest wait for the counters of one actor, ms: one that hangs must not keep the status of the others away. */
const STATS_DEADLINE_MS = 500

/** What a status is made of. */
export interface StatusSources {
  readonly uptimeMs: number
  readonly stopping: boolean
  readonly front: Front
  readonly table: PartitionTable
  readonly webServers: ReadonlyMap<ActorName, Supervisor<WebServerControl>>
  readonly sessionServers: ReadonlyMap<ActorName, Supervisor<SessionServerControl>>
  readonly sessionServerConfigs: readonly SessionServerConfig[]
  readonly links: ReadonlyMap<ActorName, WebServerLink>
}

/**
 * What the director knows is taken at once; then every actor that runs is asked for its counters, so that these are
 * never older. One that does not answer in time shows none.
 */
export async function statusOf(sources: StatusSources): Promise<ClusterStatus> {
  const { table, front } = sources
  const webServers = [...sources.webServers].map(([name, of]) => webServerStatus(name, of, sources))
  const sessionServers = sources.sessionServerConfigs.map(config => sessionServerStatus(config, sources))
  const known = {
    director: {
      uptimeMs: sources.uptimeMs,
      state: sources.stopping ? 'stopping' : 'running',
      requestsInFlight: front.inFlight,
      parked: front.parked,
    },
    partitions: {
      total: PARTITION_COUNT,
      unowned: table.unowned().length,
      underCopied: table.underCopied(),
    },
    tableVersion: table.version,
  } as const
  return {
    ...known,
    webServers: await Promise.all(webServers),
    sessionServers: await Promise.all(sessionServers),
  }
}

async function webServerStatus(
  name: ActorName,
  supervisor: Supervisor<WebServerControl>,
  { table, links }: StatusSources,
): Promise<WebServerStatus> {
  const { state, restarts, actor } = supervisor
  const partitions = table.ownedBy(name).length
  const requestsInFlight = links.get(name)?.inFlight ?? 0
  const { sessions = 0, mutations = 0 } = (await statsOf(actor)) ?? {}
  return { name, state, partitions, sessions, requestsInFlight, mutations, restarts }
}

async function sessionServerStatus(
  { name, on, store }: SessionServerConfig,
  { table, sessionServers }: StatusSources,
): Promise<SessionServerStatus> {
  const supervisor = sessionServers.get(name as ActorName)
  const { state = 'down', restarts = 0, actor = null } = supervisor ?? {}
  const partitions = table.syncedAt(name as ActorName)
  const sessions = (await statsOf(actor))?.sessions ?? 0
  return { name, host: on, store: store.kind, state, partitions, sessions, restarts }
}

/** @returns null for an actor that is down, starting or silent, which its state tells */
async function statsOf<S>(actor: ActorHandle<{ stats(): Promise<S> }> | null): Promise<S | null> {
  if (actor === null) return null
  return await actor.control
    .within(STATS_DEADLINE_MS)
    .stats()
    .catch(() => null)
}
