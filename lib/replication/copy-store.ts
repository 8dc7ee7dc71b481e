/** Where a replica keeps its copies. Synchronous, so that the rules stay pure; a store that lasts commits outside of it. */
import type { DigestEntry, SessionCopy, Stamp } from './copy.js'
import type { Epoch, Partition, SessionId } from './ids.js'

/** Counters of a store, for /status. */
export interface CopyStoreStats {
  /** Partitions of which there is at least one copy. */
  readonly partitions: number
  /** Live copies. */
  readonly sessions: number
  readonly tombstones: number
  /** Bytes of session data, JSON text only. */
  readonly bytes: number
}

/** A copy without its data, which a store may have to decode. */
export interface ListedCopy extends DigestEntry {
  /** ms since the Unix epoch. */
  readonly expires: number
}

/** A copy whose time is over. */
export interface ExpiredCopy {
  readonly id: SessionId
  readonly partition: Partition
}

/** Holds the copies and fences of one replica. The rules of what may replace what are {@link Replica}'s. */
export interface CopyStore {
  get(id: SessionId, partition: Partition): SessionCopy | undefined
  /** What a mutation of this session is compared with: asked for each of them. */
  stampOf(id: SessionId, partition: Partition): Stamp | undefined
  /** Replaces whatever was there. */
  set(copy: SessionCopy, partition: Partition): void
  delete(id: SessionId, partition: Partition): void
  /** Every copy of a partition, tombstones included, in any order; deleting during the walk is allowed. */
  inPartition(partition: Partition): Iterable<SessionCopy>
  /** The same without their data, for a digest. */
  list(partition: Partition): Iterable<ListedCopy>
  /**
   * Some of the copies and tombstones that have expired; deleting during the walk is allowed. Each call looks at a
   * bounded part of the store, so that none takes long; called again and again, it finds all of them.
   * @param now ms since the Unix epoch
   */
  expired(now: number): Iterable<ExpiredCopy>
  /** The highest epoch ever claimed for a partition; 0 when none was. */
  fence(partition: Partition): Epoch
  raiseFence(partition: Partition, epoch: Epoch): void
  stats(): CopyStoreStats
}
