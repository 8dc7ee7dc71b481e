/**
 * Who holds what: for each session with a change that some replica has not acknowledged, which replicas hold its
 * newest state, and who waits for how many of them (invariants 2 and 3). Pure.
 */
import type { TroupeError } from '../errors.js'
import { compareStamps, type Mutation, type SessionCopy, type Stamp } from './copy.js'
import { OwnershipLostError, ReplicationTimeoutError } from './errors.js'
import { type ActorName, PARTITION_COUNT, type Partition, type SessionId } from './ids.js'
import type { Owned } from './owned-partitions.js'
import { TransientMap } from './transient-map.js'

/** Called once: null when enough replicas hold the change. */
export type Acknowledged = (error: TroupeError | null) => void

/** What acknowledgement depends on; see {@link Owned}. */
export interface ReplicaView {
  get(partition: Partition): Pick<Owned, 'reachable' | 'retiring' | 'required'> | undefined
}

interface Waiter {
  readonly stamp: Stamp
  /** Replicas known to hold `stamp` or newer. */
  holders: readonly ActorName[]
  /** Replicas whose outbox is full: they must take this change before anybody adds more (invariant 7). */
  congested: readonly ActorName[]
  readonly since: number
  readonly done: Acknowledged
}

interface Unacknowledged {
  readonly id: SessionId
  readonly partition: Partition
  stamp: Stamp
  /** Replicas known to hold `stamp`. */
  holders: readonly ActorName[]
  waiters: Waiter[]
}

const NOBODY: readonly never[] = []
/** Of a partition that has just been given up: those who wait are about to be told. */
const NOT_OWNED = { required: 1, retiring: null }

export class Acknowledgements {
  readonly #owned: ReplicaView
  readonly #timeoutMs: number
  readonly #sessions = new TransientMap<SessionId, Unacknowledged>()
  readonly #perPartition = new Int32Array(PARTITION_COUNT)

  constructor(owned: ReplicaView, timeoutMs: number) {
    this.#owned = owned
    this.#timeoutMs = timeoutMs
  }

  /** Sessions that some replica does not hold yet. */
  get size(): number {
    return this.#sessions.size
  }

  /** Whether a session of this partition has a state that some replica does not hold yet. */
  hasAny(partition: Partition): boolean {
    return (this.#perPartition[partition] ?? 0) > 0
  }

  /**
   * A new state was queued for every replica of the partition.
   * @param congested replicas whose outbox is over its bound
   */
  onMutation(mutation: Mutation, congested: readonly ActorName[], now: number, done: Acknowledged): void {
    const { id, partition } = mutation
    let session = this.#sessions.get(id)
    if (session === undefined) {
      session = { id, partition, stamp: mutation, holders: NOBODY, waiters: [] }
      this.#sessions.set(id, session)
      this.#perPartition[partition] = (this.#perPartition[partition] ?? 0) + 1
    } else {
      session.stamp = mutation
      session.holders = NOBODY
    }
    this.#wait(session, { stamp: mutation, holders: NOBODY, congested, since: now, done })
  }

  /** Whether enough replicas hold the newest state of this session. */
  isAcknowledged(id: SessionId): boolean {
    const session = this.#sessions.get(id)
    return session === undefined || this.#areEnough(session.partition, session.holders)
  }

  /** Calls back, maybe at once, when enough replicas hold the newest state that this session has now. */
  whenAcknowledged(id: SessionId, now: number, done: Acknowledged): void {
    const session = this.#sessions.get(id)
    if (session === undefined) done(null)
    else {
      const { stamp, holders } = session
      this.#wait(session, { stamp, holders, congested: NOBODY, since: now, done })
    }
  }

  /** A replica holds this state. @returns whether every replica holds the session's newest state now */
  onHeld(replica: ActorName, copy: SessionCopy): boolean {
    const session = this.#sessions.get(copy.id)
    if (session === undefined) return false
    for (const waiter of session.waiters) {
      if (compareStamps(copy, waiter.stamp) >= 0) addHolder(waiter, replica)
    }
    this.#releaseWaiters(session)
    if (compareStamps(copy, session.stamp) < 0) return false
    session.holders = withHolder(session.holders, replica)
    return this.#forgetIfHeldByAll(session)
  }

  /**
   * The replicas of some partitions changed: those that left no longer count.
   * @returns sessions of which every remaining replica holds the newest state
   */
  onReplicasChanged(partitions: ReadonlySet<Partition>): SessionId[] {
    const settled: SessionId[] = []
    for (const session of this.#sessions.values()) {
      if (!partitions.has(session.partition)) continue
      const replicas = this.#owned.get(session.partition)?.reachable ?? NOBODY
      session.holders = session.holders.filter(name => replicas.includes(name))
      for (const waiter of session.waiters) {
        waiter.holders = waiter.holders.filter(name => replicas.includes(name))
        waiter.congested = waiter.congested.filter(name => replicas.includes(name))
      }
      this.#releaseWaiters(session)
      if (this.#forgetIfHeldByAll(session)) settled.push(session.id)
    }
    return settled
  }

  /** The partition moved away: whoever waits is told so. */
  onPartitionLost(partition: Partition): void {
    if (!this.hasAny(partition)) return
    for (const session of this.#sessions.values()) {
      if (session.partition !== partition) continue
      this.#forget(session)
      for (const waiter of session.waiters) waiter.done(new OwnershipLostError(partition))
    }
  }

  /** Fails those that have waited too long. @param now ms */
  onTick(now: number): void {
    for (const session of this.#sessions.values()) {
      const late = session.waiters.filter(waiter => now - waiter.since >= this.#timeoutMs)
      if (late.length === 0) continue
      session.waiters = session.waiters.filter(waiter => !late.includes(waiter))
      const required = this.#owned.get(session.partition)?.required ?? 1
      for (const { done, holders } of late) {
        done(new ReplicationTimeoutError(this.#timeoutMs, required, holders.length))
      }
    }
  }

  #wait(session: Unacknowledged, waiter: Waiter): void {
    if (this.#isSatisfied(session, waiter)) waiter.done(null)
    else session.waiters.push(waiter)
  }

  #isSatisfied(session: Unacknowledged, waiter: Waiter): boolean {
    return waiter.congested.length === 0 && this.#areEnough(session.partition, waiter.holders)
  }

  #areEnough(partition: Partition, holders: readonly ActorName[]): boolean {
    const { required, retiring } = this.#owned.get(partition) ?? NOT_OWNED
    if (holders.length < required) return false
    const counted = retiring !== null && holders.includes(retiring) ? holders.length - 1 : holders.length
    return counted >= required
  }

  #releaseWaiters(session: Unacknowledged): void {
    const [first] = session.waiters
    if (first === undefined) return
    if (session.waiters.length === 1) {
      if (!this.#isSatisfied(session, first)) return
      // Before it is told: what that does may bring the next change of this session.
      session.waiters.pop()
      first.done(null)
      return
    }
    const satisfied = session.waiters.filter(waiter => this.#isSatisfied(session, waiter))
    if (satisfied.length === 0) return
    session.waiters = session.waiters.filter(waiter => !satisfied.includes(waiter))
    for (const waiter of satisfied) waiter.done(null)
  }

  #forgetIfHeldByAll(session: Unacknowledged): boolean {
    const replicas = this.#owned.get(session.partition)?.reachable ?? NOBODY
    if (replicas.length === 0) return false
    for (const name of replicas) if (!session.holders.includes(name)) return false
    this.#forget(session)
    for (const waiter of session.waiters) waiter.done(null)
    return true
  }

  #forget(session: Unacknowledged): void {
    this.#sessions.delete(session.id)
    this.#perPartition[session.partition] = (this.#perPartition[session.partition] ?? 0) - 1
  }
}

/** The lists are shared between a session and those who wait for it, so they are never changed. */
function withHolder(holders: readonly ActorName[], replica: ActorName): readonly ActorName[] {
  return holders.includes(replica) ? holders : [...holders, replica]
}

function addHolder(waiter: Waiter, replica: ActorName): void {
  waiter.holders = withHolder(waiter.holders, replica)
  if (waiter.congested.length > 0) waiter.congested = waiter.congested.filter(name => name !== replica)
}
