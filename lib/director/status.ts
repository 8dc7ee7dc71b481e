/** What GET /status answers, of all that was measured. */
import type { ClusterStatus } from './cluster.js'
import type { ClusterMeasures } from './measured.js'

/** @returns the status of the moment in which the measures were taken */
export function statusOf({ director, partitions, tableVersion, ...actors }: ClusterMeasures): ClusterStatus {
  const { uptimeMs, state, requestsInFlight, parked } = director
  return {
    director: { uptimeMs, state, requestsInFlight, parked },
    partitions,
    tableVersion,
    webServers: actors.webServers.map(server => ({
      name: server.name,
      state: server.state,
      partitions: server.partitions,
      sessions: server.stats?.sessions ?? 0,
      requestsInFlight: server.requestsInFlight,
      mutations: server.stats?.mutations ?? 0,
      restarts: server.restarts,
    })),
    sessionServers: actors.sessionServers.map(server => ({
      name: server.name,
      host: server.host,
      store: server.store,
      state: server.state,
      partitions: server.partitions,
      sessions: server.stats?.sessions ?? 0,
      restarts: server.restarts,
    })),
  }
}
