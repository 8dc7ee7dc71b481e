/** Session openers that need no replicas. */
import type { SessionOpener, SessionUse } from '../../lib/web-server/sessions/session-use.js'

/** A hold on no session at all. */
export function noUse(parts: Partial<SessionUse> = {}): SessionUse {
  return {
    session: undefined,
    sessionId: 'none',
    head: () => null,
    end: () => {},
    stay: () => {},
    acknowledged: () => null,
    close: () => {},
    ...parts,
  }
}

/** Every request without a session, at once. */
export const noSessions: SessionOpener = { open: () => ({ type: 'opened', use: noUse() }) }
