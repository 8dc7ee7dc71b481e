/** An admin listener over a cluster of the test's own making: what a real cluster does is not what is tested with it. */
import { pino } from 'pino'
import { startAdmin } from '../../lib/admin/admin.js'
import { DEFAULT_TIMES, type Times } from '../../lib/admin/slow-clients.js'
import type { ClusterStatus } from '../../lib/director/cluster.js'
import type { Observed } from '../../lib/director/measured.js'
import type { ObservedCluster } from '../../lib/director/observed-cluster.js'
import { TroupeError } from '../../lib/errors.js'
import { noSessions } from '../support/no-sessions.js'

class UnknownActorError extends TroupeError {
  readonly code = 'UNKNOWN_ACTOR'
}

/** What it says of itself. */
export const STATUS: ClusterStatus = {
  director: { uptimeMs: 5, state: 'running', requestsInFlight: 0, parked: 0 },
  webServers: [
    {
      name: 'web-1',
      state: 'running',
      partitions: 1024,
      sessions: 3,
      requestsInFlight: 1,
      mutations: 4,
      restarts: 0,
    },
  ],
  sessionServers: [
    { name: 'a', host: null, store: 'memory', state: 'running', partitions: 1024, sessions: 3, restarts: 0 },
  ],
  partitions: { total: 1024, unowned: 0, underCopied: 0 },
  tableVersion: 7,
}

/** An admin listener over a cluster of our own making. */
export async function listen(
  t: { teardown(end: () => unknown): void },
  changes: Partial<ObservedCluster> = {},
  {
    host = '127.0.0.1',
    token = null,
    times = {},
  }: { host?: string; token?: string | null; times?: Partial<Times> } = {},
) {
  const killed: string[] = []
  const listeners = new Set<(observed: Observed) => void>()
  const cluster: ObservedCluster = {
    url: 'http://127.0.0.1:8080',
    urls: ['http://127.0.0.1:8080'],
    adminUrl: null,
    sessions: noSessions,
    reloadCertificates: async () => {},
    isReady: () => true,
    status: async () => STATUS,
    measures: () => Promise.reject(new Error('this cluster measures nothing')),
    partitionMap: () => ({
      version: 7,
      webServers: [],
      sessionServers: [],
      owners: [],
      synced: [],
      replicas: [],
    }),
    observe: listener => {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    kill: async name => {
      if (name !== 'web-1' && name !== 'a') throw new UnknownActorError(`There is no actor named ${name}.`)
      killed.push(name)
    },
    on: () => cluster,
    once: () => cluster,
    [Symbol.asyncDispose]: async () => {},
    off: () => cluster,
    stop: async () => {},
    reload: () => Promise.reject(new Error('this cluster reloads nothing')),
    scale: () => Promise.reject(new Error('this cluster does not scale')),
    drain: () => Promise.reject(new Error('this cluster drains nobody')),
    ...changes,
  }
  const logged: string[] = []
  const admin = await startAdmin(
    { host, port: 0, token },
    cluster,
    pino({ level: 'error' }, { write: line => logged.push(line) }),
    { ...DEFAULT_TIMES, ...times },
  )
  t.teardown(() => admin.close())
  const tell = (observed: Observed) => {
    for (const listener of listeners) listener(observed)
  }
  return { ...admin, killed, logged, tell }
}
