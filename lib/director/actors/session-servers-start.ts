/** The first start of all session servers: some may be on hosts that are not up yet. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { ActorName } from '../../replication/ids.js'
import type { SessionServerControl } from '../../transport/actor-control.js'
import type { Supervisor } from './supervisor.js'

/** Time between two looks at who is there, ms: small beside what the start of a thread takes. */
const POLL_MS = 10

/**
 * Starts them and waits until all run, or until `startTimeoutMs` after the first is there: hosts that start together
 * are not there at the same moment. The others go on being tried by their supervisors and join later; until then the
 * newest copy of a session may be out of reach.
 * @param signal ends the wait
 * @throws AbortError when it was ended
 */
export async function startSessionServers(
  supervisors: ReadonlyMap<ActorName, Supervisor<SessionServerControl>>,
  startTimeoutMs: number,
  log: Logger,
  signal?: AbortSignal,
): Promise<void> {
  for (const [actor, supervisor] of supervisors) {
    // Patient ones reject only when they are stopped before they were ever there.
    supervisor.start().catch((error: unknown) => log.debug({ err: error, actor }, 'stopped at its start'))
  }
  const startedAt = performance.now()
  let firstAt = Number.POSITIVE_INFINITY
  let isTold = false
  while (true) {
    const missing = [...supervisors].filter(([, { state }]) => state !== 'running').map(([name]) => name)
    if (missing.length === 0) return
    const now = performance.now()
    firstAt = missing.length < supervisors.size ? Math.min(firstAt, now) : Number.POSITIVE_INFINITY
    if (now - firstAt >= startTimeoutMs) {
      log.error({ missing, startTimeoutMs }, STARTS_WITHOUT)
      return
    }
    if (!isTold && firstAt > now && now - startedAt >= startTimeoutMs) {
      log.error({ missing, startTimeoutMs }, 'no session server is there: waits for one')
      isTold = true
    }
    await wait(POLL_MS, undefined, signal === undefined ? {} : { signal })
  }
}

const STARTS_WITHOUT =
  'starts without some session servers: sessions whose newest copy is there are served in an older state, or not found'
