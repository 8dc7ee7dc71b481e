/** What a tunnel does to its session: no answer commits it, and the session may end long before the tunnel. */
import { SessionClosedError } from './session-errors.js'
import type { SessionHold } from './session-hold.js'
import type { SessionShared } from './session-shared.js'

/** What is needed of {@link SessionShared}. */
type Committing = Pick<SessionShared, 'committer' | 'config' | 'now'>

/**
 * Commits what has changed, and keeps the session alive. Nothing happens to one that was never stored.
 * @throws SessionClosedError when the session has ended meanwhile: a change would bring it back
 */
export function commitOfTunnel(hold: SessionHold, shared: Committing, isOpen: boolean): void {
  const { entry } = hold
  if (entry.version === 0) return
  if (entry.expires > shared.now()) {
    shared.committer.commit(hold)
    keepAlive(hold, shared, isOpen)
    return
  }
  const wasChanged = entry.dirty && !entry.destroyed
  hold.revert()
  if (wasChanged) throw new SessionClosedError()
}

/** Use keeps a session alive: that of a tunnel does not wait for its end. @param isOpen whether the tunnel still is */
export function keepAlive(hold: SessionHold, { committer, config }: Committing, isOpen: boolean): void {
  if (hold.used || (config.rolling && isOpen)) committer.touch(hold)
  hold.used = false
}
