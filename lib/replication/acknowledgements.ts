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

/** Somebody who waits for enough replicas to hold one state of a session. */
interface Waiter {
  readonly stamp: Stamp
  /** Replicas known to hold `stamp` or newer. */
  holders: readonly ActorName[]
  /** Replicas whose outbox is full: they must take this change before anybody adds more (invariant 7). */
  congested: readonly ActorName[]
  readonly since: number
  readonly done: Acknowledged
}

/** The newest state of a session, and who waits for it first: as a rule nobody else does, so that is one object. */
interface Unacknowledged {
  readonly id: SessionId
  readonly partition: Partition
  stamp: Stamp
  /** Replicas known to hold `stamp`. */
  holders: readonly ActorName[]
  congested: readonly ActorName[]
  since: number
  /** Null once it has been called. */
  done: Acknowledged | null
  /** Those who wait for an older state, or for this one as well. */
  others: Waiter[] | null
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
  onMutation(mutation: Mutation, congested: readonly ActorName[], now: number, done: Acknowledged): void {
    const { id, partition } = mutation
    let session = this.#sessions.get(id)
    if (session === undefined) {
      const stamp = mutation
      session = { id, partition, stamp, holders: NOBODY, congested, since: now, done, others: null }
      this.#sessions.set(id, session)
      this.#perPartition[partition] = (this.#perPartition[partition] ?? 0) + 1
    } else {
      standBack(session)
      session.stamp = mutation
      session.holders = NOBODY
      session.congested = congested
      session.since = now
      session.done = done
    }
    this.#release(session)
  }

  /** Whether enough replicas hold the newest state of this session. */
  isAcknowledged(id: SessionId): boolean {
    const session = this.#sessions.get(id)
    return session === undefined || this.#areEnough(session.partition, session.holders)
  }

  /** Calls back, maybe at once, when enough replicas hold the newest state that this session has now. */
  whenAcknowledged(id: SessionId, now: number, done: Acknowledged): void {
    const session = this.#sessions.get(id)
    if (session === undefined || this.#areEnough(session.partition, session.holders)) {
      done(null)
      return
    }
    const { stamp, holders } = session
    session.others ??= []
    session.others.push({ stamp, holders, congested: NOBODY, since: now, done })
  }

  /** A replica holds this state. @returns whether every replica holds the session's newest state now */
  onHeld(replica: ActorName, copy: SessionCopy): boolean {
    const session = this.#sessions.get(copy.id)
    if (session === undefined) return false
    // One that has left the partition meanwhile is about to forget what it holds.
    if (!this.#owned.get(session.partition)?.reachable.includes(replica)) return false
    if (session.others !== null) {
      for (const other of session.others) if (compareStamps(copy, other.stamp) >= 0) addHolder(other, replica)
    }
    const isNewest = compareStamps(copy, session.stamp) >= 0
    if (isNewest) addHolder(session, replica)
    this.#release(session)
    return isNewest && this.#forgetIfHeldByAll(session)
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
      for (const waiter of [session, ...(session.others ?? [])]) {
        waiter.holders = waiter.holders.filter(name => replicas.includes(name))
        waiter.congested = waiter.congested.filter(name => replicas.includes(name))
      }
      this.#release(session)
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
      for (const done of takeAll(session)) done(new OwnershipLostError(partition))
    }
  }

  /** Fails those that have waited too long. @param now ms */
  onTick(now: number): void {
    const isLate = ({ since }: { readonly since: number }) => now - since >= this.#timeoutMs
    for (const session of this.#sessions.values()) {
      const late = session.others?.filter(isLate) ?? []
      if (late.length > 0) session.others = session.others?.filter(other => !late.includes(other)) ?? null
      const { done, holders } = session
      if (done !== null && isLate(session)) {
        session.done = null
        this.#fail(session.partition, done, holders.length)
      }
      for (const other of late) this.#fail(session.partition, other.done, other.holders.length)
    }
  }

  #fail(partition: Partition, done: Acknowledged, held: number): void {
    const { required } = this.#owned.get(partition) ?? NOT_OWNED
    done(new ReplicationTimeoutError(this.#timeoutMs, required, held))
  }

  /** Calls those who have waited for long enough, in the order in which they came. */
  #release(session: Unacknowledged): void {
    const { partition, stamp, done, others } = session
    // All are taken out before any is called: what that does may bring the next change of this session.
    const isDone = done !== null && this.#isSatisfied(partition, session)
    if (isDone) session.done = null
    const satisfied: readonly Waiter[] =
      others?.filter(other => this.#isSatisfied(partition, other)) ?? NOBODY
    if (satisfied.length > 0) session.others = others?.filter(other => !satisfied.includes(other)) ?? null
    for (const other of satisfied) if (other.stamp !== stamp) other.done(null)
    if (isDone) done(null)
    for (const other of satisfied) if (other.stamp === stamp) other.done(null)
  }

  #isSatisfied(partition: Partition, { congested, holders }: Pick<Waiter, 'congested' | 'holders'>): boolean {
    return congested.length === 0 && this.#areEnough(partition, holders)
  }

  #areEnough(partition: Partition, holders: readonly ActorName[]): boolean {
    const { required, retiring } = this.#owned.get(partition) ?? NOT_OWNED
    if (holders.length < required) return false
    const counted = retiring !== null && holders.includes(retiring) ? holders.length - 1 : holders.length
    return counted >= required
  }

  #forgetIfHeldByAll(session: Unacknowledged): boolean {
    const replicas = this.#owned.get(session.partition)?.reachable ?? NOBODY
    if (replicas.length === 0) return false
    for (const name of replicas) if (!session.holders.includes(name)) return false
    this.#forget(session)
    if (session.done !== null || session.others !== null) for (const done of takeAll(session)) done(null)
    return true
  }

  #forget(session: Unacknowledged): void {
    this.#sessions.delete(session.id)
    this.#perPartition[session.partition] = (this.#perPartition[session.partition] ?? 0) - 1
  }
}

/** A newer state takes the first place: whoever waits for the one before goes on waiting for that. */
function standBack(session: Unacknowledged): void {
  const { stamp, holders, congested, since, done } = session
  if (done === null) return
  session.others ??= []
  session.others.push({ stamp, holders, congested, since, done })
}

/** @returns all who wait, in the order in which they came; nobody waits any more */
function takeAll(session: Unacknowledged): Acknowledged[] {
  const all: Acknowledged[] = []
  for (const { stamp, done } of session.others ?? []) if (stamp !== session.stamp) all.push(done)
  if (session.done !== null) all.push(session.done)
  for (const { stamp, done } of session.others ?? []) if (stamp === session.stamp) all.push(done)
  session.others = null
  session.done = null
  return all
}

/** The lists are shared between a session and those who wait for it, so they are never changed. */
function addHolder(waiter: Pick<Waiter, 'holders' | 'congested'>, replica: ActorName): void {
  if (!waiter.holders.includes(replica)) waiter.holders = [...waiter.holders, replica]
  if (waiter.congested.length > 0) waiter.congested = waiter.congested.filter(name => name !== replica)
}
