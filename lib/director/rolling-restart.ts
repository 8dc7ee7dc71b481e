/**
 * New code and new configuration, one web server at a time: its replacement first, then everything is handed over, and
 * only then the old one goes. Until the first replacement serves all of that nothing has changed for good.
 */
import { setTimeout as wait } from 'node:timers/promises'
import type { Config } from '../config/schema.js'
import { asError } from '../transport/wire-error.js'
import {
  ClusterStoppingError,
  ReloadFailedError,
  ReloadIncompleteError,
  type Replacement,
} from './command-errors.js'
import type { CommandContext } from './commands.js'
import type { WebServer } from './web-server.js'
import type { WebServers } from './web-servers.js'

/**
 * How long the first web server with new code must live before anything is handed over to it, ms: what fails after an
 * app has loaded, such as the connection to its database, mostly fails at once.
 */
const PROVING_MS = 500

/** What a rolling restart needs. */
export interface RollingRestartOptions extends CommandContext {
  readonly webServers: WebServers
  readonly config: Config
  /** The first replacement has proved itself: from here on everything is started with the new configuration. */
  readonly onCommitted: () => void
}

/**
 * @returns who was replaced by whom
 * @throws ReloadFailedError | ReloadIncompleteError | ClusterStoppingError
 */
export async function rollingRestart(options: RollingRestartOptions): Promise<readonly Replacement[]> {
  const { webServers, onCommitted } = options
  const replaced: Replacement[] = []
  const before = webServers.names
  for (const [index, name] of before.entries()) {
    const from = webServers.get(name)
    if (from === undefined) continue
    try {
      const to = await replace(from, index === 0, options)
      if (index === 0) onCommitted()
      replaced.push({ from: name, to: to.name })
    } catch (error) {
      if (options.signal.aborted) throw new ClusterStoppingError()
      const cause = asError(error)
      if (index === 0) throw new ReloadFailedError(name, cause)
      throw new ReloadIncompleteError(replaced, before.slice(index), cause)
    }
  }
  return replaced
}

/** @throws why the new one can't be relied on; the old one serves on then, and the new one is gone */
async function replace(
  from: WebServer,
  isFirst: boolean,
  options: RollingRestartOptions,
): Promise<WebServer> {
  const { webServers, config, signal, tell } = options
  const { drainTimeoutMs } = config
  const to = await webServers.add(config, name => tell({ step: 'starting', webServer: name }))
  const over = new AbortController()
  const goesOn = AbortSignal.any([signal, over.signal])
  try {
    const trouble = to.trouble(over.signal)
    if (isFirst) await Promise.race([wait(PROVING_MS, undefined, { signal }), trouble])
    from.setAside()
    to.admit()
    tell({ step: 'started', webServer: to.name })
    const onLeft = (partitions: number) => tell({ step: 'draining', webServer: from.name, partitions })
    await Promise.race([from.empty(drainTimeoutMs, goesOn, onLeft), trouble])
    signal.throwIfAborted()
  } catch (error) {
    over.abort()
    // Whoever stops the cluster ends both, once their requests have finished.
    if (signal.aborted) throw error
    from.keep()
    await webServers.remove(to)
    throw error
  }
  over.abort()
  await webServers.remove(from)
  tell({ step: 'stopped', webServer: from.name })
  return to
}
