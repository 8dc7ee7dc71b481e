/** One hosted session: its committed state, the live data that its requests share, and what is still owed for it. */

import type { TroupeError } from '../../errors.js'
import type { SessionCopy, Stamp } from '../../replication/copy.js'
import {
  type Epoch,
  type Partition,
  partitionOf,
  type SessionId,
  type Version,
} from '../../replication/ids.js'
import type { SessionGate } from './session-gate.js'
import { EMPTY_SESSION, type ParsedSession, parseSession, type SessionRecord } from './session-json.js'

/** What the index is known to list of a session: each record, and until when, ms since the Unix epoch. */
export type Listed = Map<SessionId, number>

/** A session in the cache of its owner, or a new one on its way there. */
export class SessionEntry implements Stamp {
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
  /** Open requests and tunnels; never evicted while there are any. */
  uses = 0
  /** Those of them that are tunnels. */
  tunnels = 0
  /** Open requests that were handed an object of the live data, and may change it unseen at any time. */
  holders = 0
  /** Members were assigned or deleted since the last commit. */
  dirty = false
  /** The live data holds values that read differently after a round through JSON. */
  exotic = false
  /** It was destroyed, for good: ids are never used again. */
  destroyed = false
  /** Its end for lack of use was told. */
  expiryTold = false
  /** No longer hosted here: commits are refused. */
  detached = false
  /** Rises when uncommitted changes are thrown away. */
  generation = 0
  /** Why they were. */
  revertedBy: TroupeError | null = null
  /** The last cookie value that was verified, to be spared the HMAC the next time. */
  verifiedCookie: Buffer | null = null
  /** The index records that its committed state belongs in, null when nobody has looked. See `session-index.ts`. */
  records: readonly SessionId[] | null = null
  /** What the index is known to list of it, null when nobody has asked. */
  listed: Listed | null = null
  /** Changes that wait for the index before any replica may have them. */
  gate: SessionGate | null = null
  /** The bytes that the cache has counted for it, 0 when it is in no cache. */
  countedBytes = 0
  #live: ParsedSession | null = null

  constructor(copy: SessionCopy) {
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

  /** The live data, shared by all requests of the session. Parsed at the first look. @throws SessionUnreadableError */
  get data(): SessionRecord {
    return this.#parsed().data
  }

  /** The customised cookie as JSON text, null when it is the default. */
  get cookieText(): string | null {
    return this.#parsed().cookieText
  }

  customiseCookie(cookieText: string | null): void {
    this.#live = { data: this.data, cookieText }
  }

  /** Open requests that are no tunnels: they may hold uncommitted changes for longer than a tick. */
  get requests(): number {
    return this.uses - this.tunnels
  }

  /** A request uses it, or a replica lacks its newest version: not to be evicted. */
  get isPinned(): boolean {
    return this.uses > 0 || this.pending
  }

  /** Throws the live data away: the next look reads the last committed text. */
  revert(): void {
    this.#live = null
    this.dirty = false
    this.exotic = false
  }

  /**
   * The live data gives way to other data. Requests learn of it at their next commit if they may have changed what was
   * there before.
   */
  replace(data: ParsedSession, why: TroupeError): void {
    this.revert()
    this.#live = data
    this.generation++
    this.revertedBy = why
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

  #parsed(): ParsedSession {
    this.#live ??= parseSession(this.text)
    return this.#live
  }
}
