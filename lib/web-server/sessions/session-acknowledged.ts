/** What a request waits for before its answer goes out: its own changes of its sessions, and those of others that it saw. */
import { OwnershipLostError } from '../../replication/errors.js'
import type { SessionCommitter } from './session-commit.js'
import type { SessionHold } from './session-hold.js'

/** Null when every change of the session that this request made or may have seen is held, otherwise a promise of that. */
export function acknowledgedOf(hold: SessionHold, committer: SessionCommitter): Promise<void> | null {
  const { entry, pendingChange } = hold
  if (!hold.looked) return null
  const own = pendingChange === null || pendingChange.isDone ? null : pendingChange.outcome
  if (entry.acknowledgedVersion === entry.version || pendingChange?.version === entry.version) return own
  // A change of a concurrent request, which this one may have seen.
  if (entry.detached) return observed(Promise.reject(new OwnershipLostError(entry.partition)))
  const others = committer.held(entry)
  if (others === null) return own
  return own === null ? observed(others) : both(own, others)
}

/** @returns a promise of both; rejects as soon as one of them does */
export function both(a: Promise<void>, b: Promise<void>): Promise<void> {
  return observed(Promise.all([a, b]).then(() => {}))
}

/** Whoever waits learns of a failure; a client that has gone away leaves nobody who does. */
function observed(promise: Promise<void>): Promise<void> {
  promise.catch(() => {})
  return promise
}
