/** The sessions of a store outside of Troupe: the start of what stands behind it. */
import type { OwnSessions, OwnSessionsOptions } from './session-access.js'

/** @throws (as a rejection) ConfigUnreadableError | ConfigSyntaxError | ConfigInvalidError | ClusterTlsError */
export async function openOwnSessions(options: OwnSessionsOptions): Promise<OwnSessions> {
  // Loaded only here: web servers have no use for it.
  const { openStandaloneSessions } = await import('./standalone-sessions.js')
  return await openStandaloneSessions(options)
}
