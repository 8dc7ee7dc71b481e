/** From the configuration of a session server to what its actor on the web servers' host is started with. */
import { isIPv6 } from 'node:net'
import { isAtWebHost } from '../../config/host-part.js'
import type { Config, SessionServerConfig } from '../../config/schema.js'
import type { ClusterTls, SessionServerBackend } from '../../transport/actor-control.js'

/** @returns its store where that is on this host, otherwise the way to it */
export function backendOf(
  server: SessionServerConfig,
  config: Config,
  tls: ClusterTls | null,
): SessionServerBackend {
  const { store, on, port } = server
  const { keys, timeoutMs } = config.cluster
  if (store.kind === 'redis') return { ...store, timeoutMs }
  if (on === null || isAtWebHost(config, server)) return store
  const address = config.hosts[on] ?? on
  const host = isIPv6(address) ? `[${address}]` : address
  return { kind: 'remote', url: `${tls === null ? 'http' : 'https'}://${host}:${port}`, keys, tls, timeoutMs }
}
