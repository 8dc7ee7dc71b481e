/**
 * A host without web servers: its session servers, served to the host of the web servers. They run in this process's
 * only thread; whatever ends the process ends all of them, and its service manager starts it again.
 */
import type { Logger } from 'pino'
import { readClusterTls } from '../config/cluster-tls.js'
import type { HostPart } from '../config/host-part.js'
import type { Config, SessionServerConfig } from '../config/schema.js'
import type { ActorName } from '../replication/ids.js'
import { DEFAULT_LIMITS } from '../session-server/service/limits.js'
import { type Service, startService } from '../session-server/service/service.js'
import type { SessionServer } from '../session-server/session-server.js'
import { KeptSessionServer } from './kept-session-server.js'

/** A running session host. */
export interface SessionHost {
  /** Where its session servers are, by name: `https://10.0.0.2:7400`. */
  readonly urls: ReadonlyMap<string, string>
  /** Stops serving and closes every store. */
  stop(): Promise<void>
}

/**
 * Listens, and opens the stores. One that can't be opened is tried again; web servers see it as lost meanwhile.
 * @throws ClusterTlsError, or one of session-server/service/errors.ts when it can't listen
 */
export async function startSessionHost(config: Config, part: HostPart, log: Logger): Promise<SessionHost> {
  const tls = await readClusterTls(config.cluster)
  const host = config.hosts[part.name ?? ''] ?? ''
  const services: Service[] = []
  const kept: KeptSessionServer[] = []
  const urls = new Map<string, string>()
  const stop = async () => {
    await Promise.all(services.map(service => service.close()))
    await Promise.all(kept.map(server => server.stop()))
  }
  try {
    for (const [port, servers] of byPort(part.sessionServers)) {
      const open = new Map<string, SessionServer>()
      const { keys } = config.cluster
      const service = await startService({
        host,
        port,
        servers: open,
        keys,
        tls,
        limits: DEFAULT_LIMITS,
        log,
      })
      services.push(service)
      for (const { name, store } of servers) {
        urls.set(name, service.url)
        kept.push(new KeptSessionServer({ name: name as ActorName, backend: backendOf(store) }, open, log))
      }
    }
  } catch (error) {
    await stop()
    throw error
  }
  return { urls, stop }
}

function byPort(servers: readonly SessionServerConfig[]): Map<number, SessionServerConfig[]> {
  const groups = new Map<number, SessionServerConfig[]>()
  for (const server of servers) {
    // The rules of the configuration demand a port of every session server that is elsewhere than the web servers.
    if (server.port === null) throw new RangeError(`session server ${server.name} has no port`)
    groups.set(server.port, [...(groups.get(server.port) ?? []), server])
  }
  return groups
}

function backendOf(store: SessionServerConfig['store']) {
  // The rules of the configuration put no Redis on a host.
  if (store.kind === 'redis') throw new RangeError('a Redis is reached from the host of the web servers')
  return store
}
