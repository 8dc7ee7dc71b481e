/** One hosted session: its committed state, and what becomes of it. What is worked on: `session-work.ts`. */

import type { SessionCopy, Stamp } from '../../replication/copy.js'
import {
  type Epoch,
  type Partition,
  partitionOf,
  type SessionId,
  type Version,
} from '../../replication/ids.js'
import { EMPTY_SESSION } from './session-json.js'
import { SessionWork } from './session-work.js'

/** A session in the cache of its owner, or a new one on its way there. */
export class SessionEntry extends SessionWork implements Stamp {
  readonly id: SessionId
  readonly partition: Partition
  /** The last committed JSON text. */
  text: string
  epoch: Epoch
  /** 0 until the first commit. */
  version: Version
  /** ms since the Unix epoch. */
  expires: number
  /** The newest version that enough replicas are known to hold. */
  acknowledgedVersion: Version
  /** Some replica does not hold the newest version yet. */
  pending = false
  /** It was destroyed, for good: ids are never used again. */
  destroyed = false
  /** Its end for lack of use was told. */
  expiryTold = false
  /** No longer hosted here: commits are refused. */
  detached = false
  /** The bytes that the cache has counted for it, 0 when it is in no cache. */
  countedBytes = 0

  constructor(copy: SessionCopy) {
    super()
    this.id = copy.id
    this.partition = partitionOf(copy.id)
    this.text = copy.data ?? ''
    this.destroyed = copy.data === null
    this.epoch = copy.epoch
    this.version = copy.version
    this.acknowledgedVersion = copy.version
    this.expires = copy.expires
  }

  /** A session that nothing has been stored of. */
  static empty(id: SessionId, expires: number): SessionEntry {
    return new SessionEntry({ id, epoch: 0 as Epoch, version: 0 as Version, expires, data: EMPTY_SESSION })
  }

  /**
   * A session under an id that was not drawn here, and may have been used before: its versions begin so high that no
   * copy from those days, expired but still lying at a replica, counts as newer. @param now ms since the Unix epoch
   */
  static named(id: SessionId, expires: number, now: number): SessionEntry {
    return new SessionEntry({ id, epoch: 0 as Epoch, version: now as Version, expires, data: EMPTY_SESSION })
  }

  /** A request uses it, or a replica lacks its newest version: not to be evicted. */
  get isPinned(): boolean {
    return this.pending || this.uses > 0
  }

  /** A mutation was made: this is the new committed state. @param text null when it was destroyed */
  commit(text: string | null, epoch: Epoch, expires: number): void {
    if (text !== null) this.text = text
    this.epoch = epoch
    this.version = (this.version + 1) as Version
    this.expires = expires
    this.pending = true
  }

  /** The committed state as replicas hold it, or may. */
  toCopy(): SessionCopy {
    return this.gate?.sent ?? this.newestCopy()
  }

  /** Whether any replica may hold it. */
  get isSent(): boolean {
    return this.gate === null || this.gate.sent.epoch > 0
  }

  /** The committed state. */
  newestCopy(): SessionCopy {
    const { id, epoch, version, expires } = this
    return { id, epoch, version, expires, data: this.destroyed ? null : this.text }
  }
}
