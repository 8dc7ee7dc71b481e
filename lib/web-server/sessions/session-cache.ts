/**
 * The sessions that a web server hosts, in memory: bounded in bytes and in time. Of an idle one only the text is kept. A session that a request uses, or of
 * which some replica lacks the newest version, stays whatever the bound says (invariant 3); there are never more of
 * those than requests in flight and mutations in the outboxes, which have bounds of their own.
 */
import { LRUCache } from 'lru-cache'
import type { SessionCopy } from '../../replication/copy.js'
import { compareStamps } from '../../replication/copy.js'
import type { HostedSessions } from '../../replication/hosted-sessions.js'
import { PARTITION_COUNT, type Partition, type SessionId } from '../../replication/ids.js'
import { SessionEntry } from './session-entry.js'
import { NO_SESSION_EVENTS, type SessionEvents } from './session-events.js'
import { WorkingSessions } from './working-sessions.js'

/** A session besides its text: entry, id, its places in the maps. Measured with `npm run bench:memory`. */
const ENTRY_BYTES = 400
/** Characters that V8 keeps in two bytes, and with them all others of their string. V8 answers at once when there can be none. */
const WIDE = /[^\0-\xff]/
/** This part of the bytes allowed is for what sessions in use need beyond their text; while there is room they have more. */
const WORK_PART = 1 / 8
/** Partitions that one {@link SessionCache.sweep} looks at: a full round takes 64. */
const SWEEP_PARTITIONS = 16
const SWEEP_PART = SWEEP_PARTITIONS / PARTITION_COUNT

/** A cache that is small by configuration still serves the requests of a busy moment. */
const HELD_BYTES_FLOOR = 16 * 1024 * 1024

/** What a cache is limited to. */
export interface SessionCacheOptions {
  /** Estimated bytes of all sessions. */
  readonly maxBytes: number
  /** Estimated bytes of pinned sessions beyond that before commits are refused; by default as many, and at least 16 MiB. */
  readonly heldMaxBytes?: number
  /** Hears of sessions that expire here, and of those that come back after a takeover. */
  readonly events?: SessionEvents
}

/** The session cache of one web server. */
export class SessionCache implements HostedSessions {
  readonly #lru: LRUCache<SessionId, SessionEntry>
  /** Pinned entries that the bound has pushed out. */
  readonly #held = new Map<SessionId, SessionEntry>()
  readonly #partitions: (Set<SessionEntry> | undefined)[] = new Array(PARTITION_COUNT)
  readonly #working = new WorkingSessions()
  readonly #maxBytes: number
  /** Without what sessions in use need. */
  readonly #textMaxBytes: number
  readonly #heldMaxBytes: number
  readonly #events: SessionEvents
  #heldBytes = 0
  #sweepFrom = 0

  constructor(options: SessionCacheOptions) {
    const {
      maxBytes,
      heldMaxBytes = Math.max(maxBytes, HELD_BYTES_FLOOR),
      events = NO_SESSION_EVENTS,
    } = options
    this.#events = events
    this.#maxBytes = maxBytes
    this.#textMaxBytes = Math.floor(maxBytes * (1 - WORK_PART))
    this.#heldMaxBytes = heldMaxBytes
    this.#lru = new LRUCache({
      maxSize: this.#textMaxBytes,
      dispose: (entry, _, reason) => {
        if (reason === 'evict') this.#onEvicted(entry)
      },
    })
  }

  /** Sessions in memory, tombstones included. */
  get count(): number {
    return this.#lru.size + this.#held.size
  }

  /** Estimated bytes of all sessions in memory. */
  get bytes(): number {
    return this.#lru.calculatedSize + this.#heldBytes + this.#working.bytes
  }

  /** What can be taken in without anything being evicted, estimated bytes. */
  get roomBytes(): number {
    return this.#textMaxBytes - this.#lru.calculatedSize
  }

  /** Pinned sessions alone take what is allowed beyond the bound: no more of them can be taken. */
  get isOverfull(): boolean {
    // A single session may be larger than a small cache.
    return this.#held.size > 1 && this.#heldBytes > this.#heldMaxBytes
  }

  /** @returns the session, marked as the most recently used, tombstones included */
  find(id: SessionId): SessionEntry | undefined {
    return this.#lru.get(id) ?? this.#held.get(id)
  }

  /** Whether this very entry, not a later one of its id, is hosted here. */
  has(entry: SessionEntry): boolean {
    return (this.#lru.peek(entry.id) ?? this.#held.get(entry.id)) === entry
  }

  /** Takes a session in, or takes notice of its new size. It becomes the most recently used. */
  store(entry: SessionEntry): void {
    const bytes = sizeOf(entry)
    this.#working.note(entry)
    if (bytes === entry.countedBytes && this.#lru.get(entry.id) === entry) return
    this.#take(entry.id)
    entry.countedBytes = bytes
    let ofPartition = this.#partitions[entry.partition]
    if (ofPartition === undefined) {
      ofPartition = new Set()
      this.#partitions[entry.partition] = ofPartition
    }
    ofPartition.add(entry)
    // The LRU would silently refuse what is larger than all of it.
    if (bytes > this.#textMaxBytes) this.#onEvicted(entry)
    else this.#lru.set(entry.id, entry, { size: bytes })
    this.#limitWork()
  }

  /** A request begins to use the session. */
  acquire(entry: SessionEntry): void {
    entry.uses++
    entry.wasUsed = true
  }

  /** The request goes on as a tunnel. */
  toTunnel(entry: SessionEntry): void {
    entry.tunnels++
    this.#shareAnew(entry)
  }

  /** A request, or a tunnel, is done with it. */
  release(entry: SessionEntry, isTunnel = false): void {
    entry.uses--
    if (isTunnel) entry.tunnels--
    this.#shareAnew(entry)
    if (entry.detached || entry.countedBytes === 0) return
    if (entry.uses === 0 && this.#held.has(entry.id) && this.has(entry)) this.store(entry)
    else this.#working.note(entry)
    this.#limitWork()
  }

  /** Without open requests everybody reads from here on what a new owner would read. */
  #shareAnew(entry: SessionEntry): void {
    if (entry.requests > 0) return
    if ((entry.exotic && !entry.dirty) || entry.destroyed) entry.revert()
  }

  /** Forgets a session. Requests that use it can't commit any more. */
  remove(entry: SessionEntry): void {
    if (this.has(entry)) this.#take(entry.id)
    this.#unlink(entry)
  }

  /** Drops expired sessions that nothing pins, a part of the cache at each call. @param now ms */
  sweep(now: number): void {
    this.#working.sweep(SWEEP_PART)
    for (let step = 0; step < SWEEP_PARTITIONS; step++) {
      for (const entry of this.#partitions[this.#sweepFrom] ?? []) {
        if (entry.expires > now || entry.isPinned) continue
        this.#events.expired(entry)
        this.remove(entry)
      }
      this.#sweepFrom = (this.#sweepFrom + 1) % PARTITION_COUNT
    }
  }

  get(id: SessionId): SessionCopy | undefined {
    const entry = this.#lru.peek(id) ?? this.#held.get(id)
    return entry?.isSent ? entry.toCopy() : undefined
  }

  *inPartition(partition: Partition): Iterable<SessionCopy> {
    for (const entry of this.#partitions[partition] ?? []) if (entry.isSent) yield entry.toCopy()
  }

  warm(copy: SessionCopy): boolean {
    const cached = this.#lru.peek(copy.id) ?? this.#held.get(copy.id)
    if (cached !== undefined) {
      if (cached.isPinned || compareStamps(copy, cached) <= 0) return true
      this.remove(cached)
    }
    if (copy.data === null) return true
    const entry = new SessionEntry(copy)
    if (this.#lru.calculatedSize + sizeOf(entry) > this.#textMaxBytes) return false
    this.store(entry)
    this.#events.fetched(entry)
    return true
  }

  acknowledged(id: SessionId): void {
    const entry = this.#lru.peek(id) ?? this.#held.get(id)
    // One at its gate has a newer version than replicas were sent.
    if (entry === undefined || entry.gate !== null) return
    entry.pending = false
    entry.acknowledgedVersion = entry.version
    if (entry.destroyed || (entry.uses === 0 && this.#held.has(id))) this.remove(entry)
  }

  drop(partition: Partition): void {
    // Its whole set goes at once: a web server may host hundreds of thousands when it stops.
    const entries = this.#partitions[partition] ?? []
    this.#partitions[partition] = undefined
    for (const entry of entries) {
      this.#take(entry.id)
      this.#unlink(entry)
    }
  }

  #onEvicted(entry: SessionEntry): void {
    if (!entry.isPinned) {
      this.#unlink(entry)
      return
    }
    this.#held.set(entry.id, entry)
    this.#heldBytes += entry.countedBytes
  }

  #take(id: SessionId): void {
    this.#lru.delete(id)
    if (this.#held.size === 0) return
    this.#heldBytes -= this.#held.get(id)?.countedBytes ?? 0
    this.#held.delete(id)
  }

  #limitWork(): void {
    const free = this.#maxBytes - this.#lru.calculatedSize - this.#heldBytes
    this.#working.limit(Math.max(free, this.#maxBytes * WORK_PART))
  }

  #unlink(entry: SessionEntry): void {
    this.#working.forget(entry)
    entry.detached = true
    entry.countedBytes = 0
    this.#partitions[entry.partition]?.delete(entry)
  }
}

/** @returns what a copy takes in a cache while nobody uses it, estimated bytes */
export function cachedBytes({ data }: SessionCopy): number {
  return ENTRY_BYTES + (data === null ? 0 : textBytes(data))
}

function sizeOf(entry: SessionEntry): number {
  return ENTRY_BYTES + (entry.destroyed ? 0 : textBytes(entry.text))
}

function textBytes(text: string): number {
  return WIDE.test(text) ? 2 * text.length : text.length
}
