/**
 * Who holds what: for each session with a change that some replica has not acknowledged, which replicas hold its
 * newest state, and who waits for how many of them (invariants 2 and 3). Pure.
 */
import type { TroupeError } from '../errors.js'
import { compareStamps, type SessionCopy, type Stamp } from './copy.js'
import { OwnershipLostError, ReplicationTimeoutError } from './errors.js'
import { type ActorName, PARTITION_COUNT, type Partition, partitionOf, type SessionId } from './ids.js'

/** Called once: null when enough replicas hold the change. */
export type Acknowledged = (error: TroupeError | null) => void

/** What acknowledgement depends on; implemented by the owner. */
export interface ReplicaView {
  /** The replicas of a partition that can be reached. */
  replicasOf(partition: Partition): readonly ActorName[]
  /** A replica that is about to leave the partition: that it holds a change counts for nothing. */
  retiringOf(partition: Partition): ActorName | null
  /** How many replicas must hold a change of this partition before its response goes out. */
  requiredFor(partition: Partition): number
}

interface Waiter {
  readonly stamp: Stamp
  /** Replicas known to hold `stamp` or newer. */
  holders: ActorName[]
  /** Replicas whose outbox is full: they must take this change before anybody adds more (invariant 7). */
  congested: ActorName[]
  readonly since: number
  readonly done: Acknowledged
}

interface Unacknowledged {
  readonly id: SessionId
  readonly partition: Partition
  stamp: Stamp
  /** Replicas known to hold `stamp`. */
  holders: ActorName[]
  waiters: Waiter[]
}

export class Acknowledgements {
  readonly #view: ReplicaView
  readonly #timeoutMs: number
  readonly #sessions = new Map<SessionId, Unacknowledged>()
  readonly #perPartition = new Int32Array(PARTITION_COUNT)

  constructor(view: ReplicaView, timeoutMs: number) {
    this.#view = view
    this.#timeoutMs = timeoutMs
  }

  /** Sessions that some replica does not hold yet. */
  get size(): number {
    return this.#sessions.size
  }

  /** Whether some replica is not known to hold the newest state of this session. */
  has(id: SessionId): boolean {
    return this.#sessions.has(id)
  }

  /** Whether a session of this partition has a state that some replica does not hold yet. */
  hasAny(partition: Partition): boolean {
    return (this.#perPartition[partition] ?? 0) > 0
  }

  /**
   * A new state was queued for every replica of the partition.
   * @param congested replicas whose outbox is over its bound
   */
  onMutation(copy: SessionCopy, congested: ActorName[], now: number, done: Acknowledged): void {
    let session = this.#sessions.get(copy.id)
    if (session === undefined) {
      const partition = partitionOf(copy.id)
      session = { id: copy.id, partition, stamp: copy, holders: [], waiters: [] }
      this.#sessions.set(copy.id, session)
      this.#perPartition[partition] = (this.#perPartition[partition] ?? 0) + 1
    } else {
      session.stamp = copy
      session.holders = []
    }
    this.#wait(session, { stamp: copy, holders: [], congested, since: now, done })
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
      this.#wait(session, { stamp, holders: [...holders], congested: [], since: now, done })
    }
  }

  /** A replica holds this state. @returns whether every replica holds the session's newest state now */
  onHeld(replica: ActorName, copy: SessionCopy): boolean {
    const session = this.#sessions.get(copy.id)
    if (session === undefined) return false
    // One that has left the partition meanwhile is about to forget what it holds.
    if (!this.#view.replicasOf(session.partition).includes(replica)) return false
    for (const waiter of session.waiters) {
      if (compareStamps(copy, waiter.stamp) >= 0) addHolder(waiter, replica)
    }
    this.#releaseWaiters(session)
    if (compareStamps(copy, session.stamp) < 0) return false
    if (!session.holders.includes(replica)) session.holders.push(replica)
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
      const replicas = this.#view.replicasOf(session.partition)
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
      const required = this.#view.requiredFor(session.partition)
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
    const required = this.#view.requiredFor(partition)
    if (holders.length < required) return false
    const retiring = this.#view.retiringOf(partition)
    const counted = retiring !== null && holders.includes(retiring) ? holders.length - 1 : holders.length
    return counted >= required
  }

  #releaseWaiters(session: Unacknowledged): void {
    if (session.waiters.length === 0) return
    const satisfied = session.waiters.filter(waiter => this.#isSatisfied(session, waiter))
    if (satisfied.length === 0) return
    session.waiters = session.waiters.filter(waiter => !satisfied.includes(waiter))
    for (const waiter of satisfied) waiter.done(null)
  }

  #forgetIfHeldByAll(session: Unacknowledged): boolean {
    const replicas = this.#view.replicasOf(session.partition)
    if (replicas.length === 0 || !replicas.every(name => session.holders.includes(name))) return false
    this.#forget(session)
    for (const waiter of session.waiters) waiter.done(null)
    return true
  }

  #forget(session: Unacknowledged): void {
    this.#sessions.delete(session.id)
    this.#perPartition[session.partition] = (this.#perPartition[session.partition] ?? 0) - 1
  }
}

function addHolder(waiter: Waiter, replica: ActorName): void {
  if (!waiter.holders.includes(replica)) waiter.holders.push(replica)
  if (waiter.congested.length > 0) waiter.congested = waiter.congested.filter(name => name !== replica)
}
