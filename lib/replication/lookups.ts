/**
 * Reading sessions that no cache holds from the replicas (invariant 4): every replica is asked, the newest copy wins,
 * and "there is none" is believed only from a replica that is up to date. Pure.
 */
import type { TroupeError } from '../errors.js'
import type { AssignedReplica } from './assignment.js'
import { compareStamps, type SessionCopy } from './copy.js'
import { OwnershipLostError, SessionUnavailableError } from './errors.js'
import { type ActorName, type Partition, partitionOf, type SessionId } from './ids.js'
import type { ToReplica } from './messages.js'

/** What came of a look-up. */
export type Found =
  /** The newest copy, alive and not expired. */
  | { readonly type: 'found'; readonly copy: SessionCopy }
  /** There certainly is no such session: never was, expired, or `destroyed`, which is known as long as it would have lived. */
  | { readonly type: 'absent'; readonly destroyed: boolean }
  /** Nobody can say. */
  | { readonly type: 'unavailable'; readonly error: TroupeError }

/** One session being read. */
interface Lookup {
  readonly id: SessionId
  readonly partition: Partition
  readonly since: number
  readonly done: (found: Found) => void
  /** One synced answer is enough, since all synced replicas hold the same. */
  readonly settled: boolean
  awaited: AssignedReplica[]
  syncedAnswers: number
  newest: SessionCopy | null
  over: boolean
}

/** Ticks after a look-up until the next is no longer expected at any moment. */
const BUSY_TICKS = 2

/** Reads in one message: bounds the time that a replica is busy with it. */
const READS_PER_MESSAGE_MAX = 256

export class Lookups {
  readonly #timeoutMs: number
  readonly #active = new Set<Lookup>()
  readonly #queued = new Map<ActorName, Lookup[]>()
  readonly #asked = new Map<number, { readonly replica: ActorName; readonly lookups: readonly Lookup[] }>()

  #busyTicks = 0

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Somebody waits for a look-up, or has a moment ago: then the next may come before what is asked now is answered. */
  get isBusy(): boolean {
    return this.size > 0 || this.#busyTicks > 0
  }

  /** Look-ups under way, and reads that a replica has not answered. */
  get size(): number {
    return this.#active.size + this.#asked.size
  }

  /**
   * Asks every given replica at the next {@link flush}.
   * @param settled whether all synced replicas are known to hold the same
   */
  start(
    id: SessionId,
    replicas: readonly AssignedReplica[],
    settled: boolean,
    now: number,
    done: (found: Found) => void,
  ): void {
    const partition = partitionOf(id)
    if (!replicas.some(replica => replica.synced)) {
      const error = new SessionUnavailableError(partition, 'none of its session servers is up to date')
      done({ type: 'unavailable', error })
      return
    }
    const awaited = [...replicas]
    const lookup: Lookup = {
      ...{ id, partition, since: now, done, settled, awaited },
      ...{ syncedAnswers: 0, newest: null, over: false },
    }
    this.#active.add(lookup)
    this.#busyTicks = BUSY_TICKS
    for (const { name } of replicas) {
      const queue = this.#queued.get(name)
      if (queue === undefined) this.#queued.set(name, [lookup])
      else queue.push(lookup)
    }
  }

  /** Sends what was asked since the last flush. @param nextCall numbers calls, shared with other readers of the port */
  flush(nextCall: () => number, send: (replica: ActorName, message: ToReplica) => void): void {
    if (this.#queued.size === 0) return
    for (const [replica, queue] of this.#queued) {
      for (let from = 0; from < queue.length; from += READS_PER_MESSAGE_MAX) {
        const lookups = queue.slice(from, from + READS_PER_MESSAGE_MAX)
        const call = nextCall()
        this.#asked.set(call, { replica, lookups })
        send(replica, { type: 'read', call, ids: lookups.map(lookup => lookup.id) })
      }
    }
    this.#queued.clear()
  }

  /** @returns false when the call is not one of ours */
  onFound(replica: ActorName, call: number, copies: readonly (SessionCopy | null)[], now: number): boolean {
    const asked = this.#asked.get(call)
    if (asked === undefined || asked.replica !== replica) return false
    this.#asked.delete(call)
    asked.lookups.forEach((lookup, index) => {
      this.#answer(lookup, replica, copies[index] ?? null, now)
    })
    return true
  }

  /** Nothing more will come from this replica. */
  onReplicaLost(replica: ActorName, now: number): void {
    this.#queued.delete(replica)
    for (const [call, asked] of this.#asked) {
      if (asked.replica === replica) this.#asked.delete(call)
    }
    for (const lookup of this.#active) {
      lookup.awaited = lookup.awaited.filter(awaited => awaited.name !== replica)
      this.#finishIfComplete(lookup, now)
    }
  }

  onPartitionLost(partition: Partition): void {
    for (const lookup of this.#active) {
      if (lookup.partition !== partition) continue
      this.#finish(lookup, { type: 'unavailable', error: new OwnershipLostError(partition) })
    }
  }

  /** Fails those that have waited too long. @param now ms */
  onTick(now: number): void {
    if (this.#busyTicks > 0) this.#busyTicks--
    for (const lookup of this.#active) {
      if (now - lookup.since < this.#timeoutMs) continue
      const silent = lookup.awaited.map(replica => replica.name).join(', ')
      const reason = `no answer from ${silent} within ${this.#timeoutMs} ms`
      this.#finish(lookup, {
        type: 'unavailable',
        error: new SessionUnavailableError(lookup.partition, reason),
      })
    }
  }

  #answer(lookup: Lookup, replica: ActorName, copy: SessionCopy | null, now: number): void {
    if (lookup.over) return
    const awaited = lookup.awaited.find(candidate => candidate.name === replica)
    if (awaited === undefined) return
    lookup.awaited = lookup.awaited.filter(candidate => candidate !== awaited)
    if (awaited.synced) lookup.syncedAnswers++
    if (copy !== null && (lookup.newest === null || compareStamps(copy, lookup.newest) > 0)) {
      lookup.newest = copy
    }
    this.#finishIfComplete(lookup, now)
  }

  #finishIfComplete(lookup: Lookup, now: number): void {
    const enough = lookup.settled && lookup.syncedAnswers > 0
    if (!enough && lookup.awaited.length > 0) return
    this.#finish(lookup, conclusionOf(lookup, now))
  }

  #finish(lookup: Lookup, found: Found): void {
    if (lookup.over) return
    lookup.over = true
    this.#active.delete(lookup)
    lookup.done(found)
  }
}

function conclusionOf({ partition, syncedAnswers, newest }: Lookup, now: number): Found {
  if (syncedAnswers === 0) {
    const error = new SessionUnavailableError(partition, 'its session servers were lost')
    return { type: 'unavailable', error }
  }
  if (newest === null || newest.expires <= now) return { type: 'absent', destroyed: false }
  return newest.data === null ? { type: 'absent', destroyed: true } : { type: 'found', copy: newest }
}
