/** What the replication core needs of the session cache of its web server. */
import type { SessionCopy } from './copy.js'
import type { Partition, SessionId } from './ids.js'

/** The sessions that a web server hosts, each in its last committed state. Implemented by the session cache. */
export interface HostedSessions {
  /** @returns the last committed state of a cached session: a tombstone while its destroy is not acknowledged. */
  get(id: SessionId): SessionCopy | undefined
  /** The cached sessions of one partition, tombstones included. */
  inPartition(partition: Partition): Iterable<SessionCopy>
  /**
   * Offers a copy ahead of use. It replaces a cached one only when it is newer and nothing uses that one.
   * @returns false when there is no room for more.
   */
  warm(copy: SessionCopy): boolean
  /** Every replica holds the newest version of this session: it may be evicted. */
  acknowledged(id: SessionId): void
  /** The partition is no longer owned here: forget its sessions. */
  drop(partition: Partition): void
}
