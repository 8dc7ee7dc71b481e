/** What web servers tell the director of sessions, while somebody there listens. */
import type { Partition, SessionId } from '../replication/ids.js'

/** What can happen to a session; `SESSION_EVENT_KINDS` lists them. */
export type SessionEventKind =
  /** It was stored for the first time. */
  | 'created'
  /** It was destroyed, or regenerate replaced it. */
  | 'destroyed'
  /** Its owner found that it had ended for lack of use. */
  | 'expired'
  /** It was copied back from the session servers to a new owner, since the one before had died. */
  | 'taken-over'

export const SESSION_EVENT_KINDS: readonly SessionEventKind[] = [
  'created',
  'destroyed',
  'expired',
  'taken-over',
]

/** Something that happened to one session. */
export interface SessionEvent {
  readonly kind: SessionEventKind
  readonly id: SessionId
  readonly partition: Partition
}
