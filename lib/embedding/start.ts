/** `start` of 'troupe': a cluster in a program of one's own. */
import type { Cluster } from '../director/cluster.js'
import type { Configuration, ConfigurationFile, StartOptions } from './configuration.js'

/**
 * Starts a cluster, each web server on a thread of its own. Resolves when it serves. Signals are left to the caller:
 * call `stop()`, or declare the cluster with `await using`. Without `session.secret` a random one is made, with a
 * warning: sessions then end with this process.
 * @throws TroupeError with the codes of `troupe start`: CONFIG_INVALID, CONFIG_SYNTAX, CONFIG_UNREADABLE, APP_UNREADABLE,
 * APP_LOAD_FAILED, PORT_UNAVAILABLE, FOLDER_UNWRITABLE, FOLDER_SHARED, SECRET_FILE, HOST_UNKNOWN, CLUSTER_TLS, LISTEN_TLS;
 * HOST_WITHOUT_WEB_SERVERS. Nothing is left running then.
 */
export async function start(
  configuration: Configuration | ConfigurationFile,
  options: StartOptions = {},
): Promise<Cluster> {
  // Only now: apps import 'troupe' as well, on every web server's thread.
  const { startCluster } = await import('./start-cluster.js')
  return await startCluster(configuration, options)
}
