/**
 * What can be asked of a session by its id from anywhere in the cluster: by another web server than its owner
 * (`troupe/store`), or by the director (operators, `cluster.sessions`). Every call is carried out by the owner of the
 * session's partition, the only writer of its sessions (docs/design.md, invariant 1).
 */
import type { Partition, SessionId } from '../replication/ids.js'

/** A session as its owner last committed it. */
export interface StoredSession {
  readonly id: SessionId
  /** The session as JSON text. */
  readonly data: string
  /** ms since the Unix epoch. */
  readonly expires: number
}

/** One call for the owner of a partition. */
export type SessionCall =
  | { readonly op: 'get'; readonly id: SessionId }
  /**
   * Replaces the whole session, or makes it; `data` is JSON text of an object, `expires` ms since the Unix epoch. One
   * that was destroyed is not brought back (SESSION_ENDED) as long as it would have lived: a store whose request writes
   * late takes that as done, since the destroy was meant to be the last word.
   */
  | { readonly op: 'set'; readonly id: SessionId; readonly data: string; readonly expires: number }
  /** Gives a session a new expiry. */
  | { readonly op: 'touch'; readonly id: SessionId; readonly expires: number }
  | { readonly op: 'destroy'; readonly id: SessionId }
  /** The ids of a partition's live sessions, those in no cache included. */
  | { readonly op: 'ids'; readonly partition: Partition }

/** The answer to each {@link SessionCall}. */
export interface SessionCallAnswers {
  /** Null when there is no such session. */
  readonly get: StoredSession | null
  readonly set: null
  /** Whether there was such a session. */
  readonly touch: boolean
  /** Whether there was such a session. */
  readonly destroy: boolean
  readonly ids: readonly SessionId[]
}

/**
 * Carries calls out, wherever the owner is. Changes resolve when as many replicas hold them as `replication.acks` asks for.
 * Every call rejects with a TroupeError when it can't be carried out in time: SESSION_UNAVAILABLE, OWNERSHIP_LOST,
 * REPLICATION_TIMEOUT, SESSION_CACHE_FULL (it may be tried again); SESSION_TOO_LARGE, SESSION_ENDED; and with
 * SESSION_CALL_INVALID for an id that there can't be (1 to 256 bytes, not beginning with "#") or data that is no JSON object.
 */
export interface SessionCalls {
  call<C extends SessionCall>(call: C): Promise<SessionCallAnswers[C['op']]>
}
