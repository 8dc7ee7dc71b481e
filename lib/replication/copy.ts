/** One session as replicas hold it, the mutation that brings it there, and the order between two copies. */
import type { Epoch, Partition, SessionId, Version } from './ids.js'

/** The state of one session at one (epoch, version). A destroyed session is a copy without data: a tombstone. */
export interface SessionCopy {
  readonly id: SessionId
  /** The epoch in which the owner made this version. */
  readonly epoch: Epoch
  readonly version: Version
  /** When the session, or its tombstone, ends: ms since the Unix epoch. */
  readonly expires: number
  /** The session as JSON text, or null once it was destroyed. */
  readonly data: string | null
}

/**
 * A change of one session on its way from the owner to a replica: a put (data) or a destroy (null). A touch travels
 * as a put of the whole session with its new expiry, so that a replica never depends on what it was sent before.
 */
export interface Mutation extends SessionCopy {
  readonly partition: Partition
  /**
   * The epoch in which the sender owns the partition: what a replica fences by. Equal to `epoch` for a new mutation,
   * higher when a resync passes on a copy that an earlier owner made.
   */
  readonly authority: Epoch
}

/** The place of a copy in the order of all copies of its session. */
export interface Stamp {
  readonly epoch: Epoch
  readonly version: Version
}

/** @returns above 0 when `a` is newer, below 0 when `b` is, 0 when they are the same state. */
export function compareStamps(a: Stamp, b: Stamp): number {
  return a.epoch - b.epoch || a.version - b.version
}

/** Where one session stands at a replica. */
export interface DigestEntry extends Stamp {
  readonly id: SessionId
}
