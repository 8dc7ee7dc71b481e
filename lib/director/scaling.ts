/** More web servers, or fewer: the new ones start before anything moves, the old ones end once nothing is left at them. */
import type { Config } from '../config/schema.js'
import type { ActorName } from '../replication/ids.js'
import { asError } from '../transport/wire-error.js'
import { ClusterStoppingError, ScaleFailedError } from './command-errors.js'
import type { ScaleResult } from './command-results.js'
import type { CommandContext } from './commands.js'
import type { Ownership } from './ownership.js'
import type { WebServers } from './web-servers.js'

/** What scaling needs. */
export interface ScalingOptions extends CommandContext {
  readonly webServers: WebServers
  readonly ownership: Ownership
  readonly config: Config
}

/** @throws ScaleFailedError: there are as many as before then. ClusterStoppingError */
export async function scaleTo(count: number, options: ScalingOptions): Promise<ScaleResult> {
  const { webServers, ownership, signal } = options
  const surplus = webServers.names.slice(count)
  const started = await grow(count, options)
  await shrink(surplus, options)
  if (signal.aborted) throw new ClusterStoppingError()
  const partitionsInUse = await ownership.spread(signal)
  return { webServers: webServers.names, started, stopped: surplus, partitionsInUse }
}

async function grow(count: number, options: ScalingOptions): Promise<readonly ActorName[]> {
  const { webServers, config, signal, tell } = options
  const missing = Math.max(0, count - webServers.names.length)
  const starts = Array.from({ length: missing }, () =>
    webServers.add(config, name => tell({ step: 'starting', webServer: name })),
  )
  const results = await Promise.allSettled(starts)
  const started = results.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
  const failed = results.find(result => result.status === 'rejected')
  if (failed !== undefined || signal.aborted) {
    await Promise.all(started.map(webServer => webServers.remove(webServer)))
    if (failed === undefined) throw new ClusterStoppingError()
    throw new ScaleFailedError(count, asError(failed.reason))
  }
  for (const webServer of started) {
    webServer.admit()
    tell({ step: 'started', webServer: webServer.name })
  }
  return started.map(({ name }) => name)
}

/** Takes web servers out of service, all at the same time, and ends them. */
export async function shrink(names: readonly ActorName[], options: ScalingOptions): Promise<void> {
  const { webServers, config, signal, tell } = options
  const leaving = names.flatMap(name => webServers.get(name) ?? [])
  // First all: or one would hand over to the next.
  for (const webServer of leaving) webServer.setAside()
  await Promise.all(
    leaving.map(async webServer => {
      const { name } = webServer
      const onLeft = (partitions: number) => tell({ step: 'draining', webServer: name, partitions })
      await webServer.empty(config.drainTimeoutMs, signal, onLeft)
      // Whoever stops the cluster ends it.
      if (signal.aborted) return
      await webServers.remove(webServer)
      tell({ step: 'stopped', webServer: name })
    }),
  )
}
