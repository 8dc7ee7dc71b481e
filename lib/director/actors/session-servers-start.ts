/** The first start of all session servers: some may be on hosts that are not up yet. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { ActorName } from '../../replication/ids.js'
import type { SessionServerControl } from '../../transport/actor-control.js'
import type { Supervisor } from './supervisor.js'

/** Time between two looks at who is there, ms: small beside what the start of a thread takes. */
const POLL_MS = 10

/**
 * Starts them and waits until all run, or, once `startTimeoutMs` has passed, one at least. The others go on being
 * tried by their supervisors and join later: until then the newest copy of a session may be out of reach.
 */
export async function startSessionServers(
  supervisors: ReadonlyMap<ActorName, Supervisor<SessionServerControl>>,
  startTimeoutMs: number,
  log: Logger,
): Promise<void> {
  for (const [actor, supervisor] of supervisors) {
    // Patient ones reject only when they are stopped before they were ever there.
    supervisor.start().catch((error: unknown) => log.debug({ err: error, actor }, 'stopped at its start'))
  }
  const deadline = performance.now() + startTimeoutMs
  let isTold = false
  while (true) {
    const missing = [...supervisors].filter(([, { state }]) => state !== 'running').map(([name]) => name)
    if (missing.length === 0) return
    const isOverdue = performance.now() >= deadline
    if (isOverdue && missing.length < supervisors.size) {
      log.error(
        { missing, startTimeoutMs },
        'starts without some session servers: sessions whose newest copy is there are served in an older state, or not found',
      )
      return
    }
    if (isOverdue && !isTold) {
      log.error({ missing, startTimeoutMs }, 'no session server is there: waits for one')
      isTold = true
    }
    await wait(POLL_MS)
  }
}
