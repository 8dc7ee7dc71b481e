/** Puts a cluster together: the director with its actors, and the admin listener over it. */
import type { Logger } from 'pino'
import { startAdmin } from './admin/admin.js'
import { readClusterTls } from './config/cluster-tls.js'
import type { Config } from './config/schema.js'
import type { Cluster } from './director/cluster.js'
import { Director } from './director/director.js'
import type { ActorOutput } from './director/logs/actor-output.js'

/** Options of {@link start}. */
export interface StartOptions {
  readonly log: Logger
  /** Takes what actors' threads print, such as an app's console; without it that is printed as it is. */
  readonly output?: ActorOutput
  /** Reads the configuration anew, for `Cluster.reload`; without it that goes on with what there is. */
  readonly reread?: () => Promise<Config>
}

/**
 * Starts a cluster. Resolves when it serves.
 * @throws ClusterTlsError; AppLoadError when the app can't be loaded; the system's error, such as EADDRINUSE, when it can't listen
 */
export async function start(config: Config, { log, output, reread }: StartOptions): Promise<Cluster> {
  const tls = await readClusterTls(config.cluster)
  const director = new Director({
    ...{ config, log, tls },
    ...(output === undefined ? {} : { output }),
    ...(reread === undefined ? {} : { reread }),
  })
  return await runDirector(director, config, log)
}

/** Starts what a director is to run, and the admin listener. @throws as {@link start} */
export async function runDirector<D extends Director>(director: D, config: Config, log: Logger): Promise<D> {
  const admin = config.admin === null ? null : await startAdmin(config.admin, director, log)
  await director.run(admin)
  return director
}
