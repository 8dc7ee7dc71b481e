/**
 * The owner's side of replication: what a web server does for the partitions that it owns. Ties together which those
 * are, the outboxes (one for each replica), acknowledgements, look-ups and resyncs. Pure: inputs by `on…` methods and calls that carry
 * the time, effects through {@link OwnerEffects}; whoever holds it calls {@link Owner.flush} at the end of each tick.
 */
import type { TroupeError } from '../errors.js'
import { type Acknowledged, Acknowledgements } from './acknowledgements.js'
import type { Assignment, Settled } from './assignment.js'
import type { Mutation, SessionCopy } from './copy.js'
import { OwnershipLostError, SessionUnavailableError } from './errors.js'
import type { HandedOver } from './handed-over.js'
import type { HostedSessions } from './hosted-sessions.js'
import { type ActorName, type Epoch, type Partition, partitionOf, type SessionId } from './ids.js'
import { type Listed, Listings } from './listings.js'
import { type Found, Lookups } from './lookups.js'
import type { Claim, FromReplica, ToReplica } from './messages.js'
import { Outboxes } from './outboxes.js'
import { OwnedPartitions } from './owned-partitions.js'
import { Resyncs } from './resyncs.js'

/** What an owner is configured with. */
export interface OwnerOptions {
  /** How many replicas must hold a change before its response goes out. */
  readonly acks: 'none' | 'one' | 'all'
  /** How long a change may wait for its acknowledgements, and a look-up for its answers, ms. */
  readonly ackTimeoutMs: number
  /** Bytes queued towards one replica before changes wait for it. */
  readonly outboxMaxBytes: number
}

/** What an owner does to the world. */
export interface OwnerEffects {
  /** Messages to one replica must arrive in this order. */
  send(replica: ActorName, message: ToReplica): void
  /** A resync is done: for the director. */
  settled(settled: Settled): void
  /** A replica knows of a later epoch of this partition, which was dropped here. For the director. */
  fenced(claim: Claim): void
}

/** Counts of what an owner waits for. */
export interface OwnerPending {
  /** Sessions with a change that some replica has not acknowledged. */
  readonly unacknowledged: number
  /** Look-ups and listings, and reads that a replica has not answered. */
  readonly lookups: number
  /** Partitions that are being resynced or wait for it, and calls that a replica has not answered. */
  readonly resyncs: number
  /** Mutations that wait for an acknowledgement, over all replicas. */
  readonly queued: number
}

const NONE: ReadonlySet<never> = new Set()

export class Owner {
  readonly #hosted: HostedSessions
  readonly #effects: OwnerEffects
  readonly #owned: OwnedPartitions
  readonly #outboxes: Outboxes
  readonly #acknowledgements: Acknowledgements
  readonly #lookups: Lookups
  readonly #listings: Listings
  readonly #resyncs: Resyncs
  #nextCall = 1

  constructor(options: OwnerOptions, hosted: HostedSessions, effects: OwnerEffects) {
    this.#hosted = hosted
    this.#effects = effects
    this.#owned = new OwnedPartitions(options.acks)
    this.#outboxes = new Outboxes(options.outboxMaxBytes)
    this.#acknowledgements = new Acknowledgements(this.#owned, options.ackTimeoutMs)
    this.#lookups = new Lookups(options.ackTimeoutMs)
    this.#listings = new Listings(options.ackTimeoutMs)
    this.#resyncs = new Resyncs(hosted, {
      nextCall: () => this.#nextCall++,
      send: (replica, message) => this.#effects.send(replica, message),
      enqueue: (replica, mutation) => this.#outboxes.enqueue(replica, mutation),
      onceAcknowledged: (replica, passed) => this.#outboxes.onceAcknowledged(replica, passed),
      hasRoom: () => this.#outboxes.hasRoom,
      areLookupsBusy: () => this.#lookups.isBusy,
      settled: settled => this.#onSettled(settled),
    })
  }

  /** @returns the epoch in which this web server owns the partition, or null when it does not */
  epochOf(partition: Partition): Epoch | null {
    return this.#owned.get(partition)?.assignment.epoch ?? null
  }

  /** Partitions owned. */
  get partitionCount(): number {
    return this.#owned.size
  }

  /** Sessions with a change that some replica has not acknowledged. */
  get unacknowledgedCount(): number {
    return this.#acknowledgements.size
  }

  /** Mutations that wait for an acknowledgement, over all replicas. */
  get outboxDepth(): number {
    return this.#outboxes.depth
  }

  /** What is under way; all 0 once nothing happens any more. */
  get pending(): OwnerPending {
    return {
      unacknowledged: this.#acknowledgements.size,
      lookups: this.#lookups.size + this.#listings.size,
      resyncs: this.#resyncs.size,
      queued: this.outboxDepth,
    }
  }

  /** What the fullest outbox weighs, bytes. */
  get outboxBytesMax(): number {
    return this.#outboxes.bytesMax
  }

  /** A session server can be reached: messages to it may be sent from here on. */
  onReplicaUp(replica: ActorName, now: number): void {
    if (this.#outboxes.has(replica)) this.onReplicaLost(replica, now)
    this.#outboxes.open(replica)
    this.#adopt(this.#owned.assignmentsWith(replica))
  }

  /** A session server is gone: whatever waited for it alone is answered. The director will name another. */
  onReplicaLost(replica: ActorName, now: number): void {
    this.#outboxes.close(replica)
    const affected = this.#owned.withdraw(replica)
    for (const partition of affected) this.#resyncs.cancel(partition)
    this.#lookups.onReplicaLost(replica, now)
    this.#listings.onReplicaLost(replica)
    this.#recountAcknowledgements(affected)
  }

  /**
   * Partitions that are this web server's now, or have other replicas than before.
   * @param handedOver what the owners before left; it counts for partitions whose epoch follows that of the handover
   */
  onAssign(assignments: readonly Assignment[], handedOver: readonly HandedOver[] = []): void {
    const accepted = assignments.filter(assignment => this.#accept(assignment))
    this.#adopt(accepted, this.#takeIn(accepted, handedOver))
    this.#recountAcknowledgements(new Set(accepted.map(({ partition }) => partition)))
  }

  /**
   * Gives a partition up for a handover, unless some replica still lacks a change of it.
   * @returns what the next owner can begin with, null when the partition was not given up
   */
  release(partition: Partition): HandedOver | null {
    const owned = this.#owned.get(partition)
    if (owned === undefined || !this.isFlushed(partition)) return null
    const copies = [...this.#hosted.inPartition(partition)].filter(({ data }) => data !== null)
    this.onUnassign(partition)
    this.#owned.end(partition, owned.assignment.epoch, true)
    return { partition, epoch: owned.assignment.epoch, copies, cold: owned.cold }
  }

  /** Gives a partition up: after a handover, or when it is known to be somebody else's. */
  onUnassign(partition: Partition): void {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    this.#owned.end(partition, owned.assignment.epoch)
    this.#resyncs.cancel(partition)
    this.#hosted.drop(partition)
    this.#acknowledgements.onPartitionLost(partition)
    this.#lookups.onPartitionLost(partition)
    this.#listings.onPartitionLost(partition)
  }

  /** An answer of a replica. */
  onMessage(replica: ActorName, message: FromReplica, now: number): void {
    if (!this.#outboxes.has(replica)) return
    switch (message.type) {
      case 'applied':
        this.#onApplied(replica, message.batch, message.fenced)
        break
      case 'found':
        if (!this.#lookups.onFound(replica, message.call, message.copies, now)) {
          this.#resyncs.onAnswer(replica, message)
        }
        break
      case 'digest':
        if (!this.#listings.onDigest(replica, message)) this.#resyncs.onAnswer(replica, message)
        break
      default:
        message satisfies never
    }
  }

  /** Fails what has waited too long. @param now ms */
  onTick(now: number): void {
    this.#acknowledgements.onTick(now)
    this.#lookups.onTick(now)
    this.#listings.onTick(now)
  }

  /**
   * Replicates a state that the cache already holds.
   * @param done called once, maybe at once: null when enough replicas hold it
   */
  mutate(copy: SessionCopy, now: number, done: Acknowledged): void {
    const partition = partitionOf(copy.id)
    const owned = this.#owned.get(partition)
    if (owned === undefined) {
      done(new OwnershipLostError(partition))
      return
    }
    const { epoch, replicas } = owned.assignment
    const { id, version, expires, data } = copy
    // One object for all replicas, written out: this is on the path of every change.
    const mutation: Mutation = { id, epoch: copy.epoch, version, expires, data, partition, authority: epoch }
    const congested = this.#outboxes.enqueueAll(replicas, mutation)
    this.#acknowledgements.onMutation(mutation, congested, now, done)
  }

  /** Whether enough replicas hold the newest state of this session. */
  isAcknowledged(id: SessionId): boolean {
    return this.#acknowledgements.isAcknowledged(id)
  }

  /** Calls back, maybe at once, when enough replicas hold the state that this session has now. */
  whenAcknowledged(id: SessionId, now: number, done: Acknowledged): void {
    this.#acknowledgements.whenAcknowledged(id, now, done)
  }

  /** Whether every replica holds the newest state of every session of a partition. */
  isFlushed(partition: Partition): boolean {
    return !this.#acknowledgements.hasAny(partition)
  }

  /** Reads the newest copy of a session from the replicas. @param done called once, maybe at once */
  lookup(id: SessionId, now: number, done: (found: Found) => void): void {
    const reachable = this.#readable(partitionOf(id))
    if ('error' in reachable) done({ type: 'unavailable', error: reachable.error })
    else this.#lookups.start(id, reachable.replicas, reachable.settled, now, done)
  }

  /** Lists the sessions that replicas hold of a partition, destroyed ones among them. @param done called once, maybe at once */
  list(partition: Partition, now: number, done: (listed: Listed) => void): void {
    const reachable = this.#readable(partition)
    if ('error' in reachable) {
      done({ type: 'unavailable', error: reachable.error })
      return
    }
    const ask = (replica: ActorName, message: (call: number) => ToReplica): number => {
      const call = this.#nextCall++
      this.#effects.send(replica, message(call))
      return call
    }
    this.#listings.start(partition, reachable.replicas, reachable.settled, now, ask, done)
  }

  /** Sends what the inputs since the last flush have queued. */
  flush(): void {
    // First: a replica that is about to forget a partition must not be asked for a session of it afterwards.
    this.#lookups.flush(
      () => this.#nextCall++,
      (replica, message) => this.#effects.send(replica, message),
    )
    this.#proceed()
    this.#outboxes.flush((replica, message) => this.#effects.send(replica, message))
  }

  /** The replicas that can be read from. */
  #readable(
    partition: Partition,
  ): Pick<Assignment, 'replicas' | 'settled'> | { readonly error: TroupeError } {
    const assignment = this.#owned.get(partition)?.assignment
    if (assignment === undefined) return { error: new OwnershipLostError(partition) }
    const replicas = assignment.replicas.filter(({ name }) => this.#outboxes.has(name))
    if (replicas.length > 0) return { replicas, settled: assignment.settled }
    return { error: new SessionUnavailableError(partition, 'none of its session servers can be reached') }
  }

  #onApplied(replica: ActorName, number: number, fenced: readonly Claim[]): void {
    const batch = this.#outboxes.onApplied(replica, number)
    if (batch === null) return
    const fences =
      fenced.length === 0 ? null : new Map(fenced.map(({ partition, epoch }) => [partition, epoch]))
    for (const mutation of batch.mutations) {
      if (fences !== null && mutation.authority < (fences.get(mutation.partition) ?? 0)) continue
      if (this.#acknowledgements.onHeld(replica, mutation)) this.#hosted.acknowledged(mutation.id)
    }
    for (const { partition, epoch } of fenced) {
      // A refusal of an epoch that is over here too says nothing about the present one.
      const owned = this.epochOf(partition)
      if (owned === null || epoch <= owned) continue
      this.onUnassign(partition)
      this.#effects.fenced({ partition, epoch })
    }
  }

  /** Lets resyncs go on: what they waited for may have been acknowledged, or there was nothing to wait for. */
  #proceed(): void {
    this.#outboxes.passBarriers()
    this.#resyncs.proceed()
  }

  /** @returns false when it changes nothing here */
  #accept(assignment: Assignment): boolean {
    const { partition, epoch } = assignment
    switch (this.#owned.newsOf(assignment)) {
      case 'begins':
        this.onUnassign(partition)
        this.#forgetAtFormer(assignment)
        return true
      case 'goes-on':
        this.#forgetAtRemoved(assignment)
        return true
      case 'given-up': {
        // Of what was released the director knows already, or is about to hear.
        const { wasReleased } = this.#owned.endOf(partition)
        this.#owned.end(partition, epoch, wasReleased)
        if (!wasReleased) this.#effects.fenced({ partition, epoch })
        return false
      }
      case 'late':
        return false
    }
  }

  /**
   * Takes sessions into the cache that come with their partitions, as far as there is room.
   * @returns the partitions of which nothing need be read ahead
   */
  #takeIn(assignments: readonly Assignment[], handedOver: readonly HandedOver[]): Set<Partition> {
    const warm = new Set<Partition>()
    if (handedOver.length === 0) return warm
    const epochs = new Map(assignments.map(({ partition, epoch }) => [partition, epoch]))
    for (const { partition, epoch, copies, cold } of handedOver) {
      // Between the two epochs nobody has written: any other owner would have had an epoch of its own.
      if (epochs.get(partition) !== epoch + 1) continue
      for (const copy of copies) this.#hosted.warm(copy)
      if (!cold) warm.add(partition)
    }
    return warm
  }

  /**
   * Takes assignments as the present ones: claims the partitions, and queues a resync where copies may differ, or where
   * nothing has been read ahead yet: a replica may hold what no cache does.
   * @param warm partitions that came with their sessions
   */
  #adopt(assignments: readonly Assignment[], warm: ReadonlySet<Partition> = NONE): void {
    for (const assignment of assignments) {
      const cold = this.#owned.get(assignment.partition)?.cold ?? !warm.has(assignment.partition)
      const reachable = assignment.replicas.map(({ name }) => name).filter(name => this.#outboxes.has(name))
      this.#owned.set({ assignment, reachable, cold })
    }
    this.#claim(assignments)
    for (const assignment of assignments) {
      const isCold = this.#owned.get(assignment.partition)?.cold ?? true
      if (assignment.settled && !isCold) this.#resyncs.cancel(assignment.partition)
      else this.#resync(assignment)
    }
    this.#resyncs.proceed()
  }

  #claim(assignments: readonly Assignment[]): void {
    const claims = new Map<ActorName, Claim[]>()
    for (const { partition, epoch } of assignments) {
      for (const name of this.#owned.get(partition)?.reachable ?? []) {
        const ofReplica = claims.get(name)
        if (ofReplica === undefined) claims.set(name, [{ partition, epoch }])
        else ofReplica.push({ partition, epoch })
      }
    }
    for (const [name, ofReplica] of claims) this.#effects.send(name, { type: 'claim', claims: ofReplica })
  }

  #resync(assignment: Assignment): void {
    const { partition, epoch, replicas } = assignment
    const { reachable = [], cold = true } = this.#owned.get(partition) ?? {}
    // Where no replica is up to date a cached session may be the only copy: it is sent at once. Elsewhere only what some
    // replica has not acknowledged yet: of the rest the resync finds out what is missing, a few partitions at a time, so
    // that requests do not wait for all of it.
    const unsynced = replicas.filter(({ name, synced }) => !synced && reachable.includes(name))
    const isOnlyCached = replicas.every(({ name, synced }) => !synced || !reachable.includes(name))
    if (unsynced.length > 0 && (isOnlyCached || this.#acknowledgements.hasAny(partition))) {
      for (const copy of this.#hosted.inPartition(partition)) {
        if (!isOnlyCached && !this.#acknowledgements.has(copy.id)) continue
        for (const { name } of unsynced) {
          this.#outboxes.enqueue(name, { ...copy, partition, authority: epoch })
        }
      }
    }
    // Not while a replica can't be reached: it will be, or another assignment comes.
    if (replicas.length > 0 && reachable.length === replicas.length) this.#resyncs.want(assignment, cold)
    else this.#resyncs.cancel(partition)
  }

  #onSettled(settled: Settled): void {
    if (this.#owned.get(settled.partition) === undefined) return
    this.#owned.settle(settled.partition)
    this.#effects.settled(settled)
  }

  /** Replicas that left a partition for good, though they live, need not keep its copies. */
  #forgetAtRemoved({ partition, epoch, replicas }: Assignment): void {
    for (const { name } of this.#owned.get(partition)?.assignment.replicas ?? []) {
      if (replicas.some(replica => replica.name === name)) continue
      // Not before what is queued for it: that would be held there again.
      const forget = () => this.#forgetAt(name, { partition, epoch })
      this.#outboxes.onceAcknowledged(name, forget)
    }
  }

  /** The owner before may have ended, or given the partition up, before it could tell them. */
  #forgetAtFormer({ partition, former = [] }: Assignment): void {
    for (const { name, epoch } of former) {
      if (this.#outboxes.has(name)) this.#effects.send(name, { type: 'forget', claim: { partition, epoch } })
    }
  }

  #forgetAt(replica: ActorName, claim: Claim): void {
    const present = this.#owned.get(claim.partition)?.assignment.replicas
    if (present?.some(({ name }) => name === replica)) return
    this.#effects.send(replica, { type: 'forget', claim })
  }

  #recountAcknowledgements(partitions: ReadonlySet<Partition>): void {
    if (partitions.size === 0) return
    for (const id of this.#acknowledgements.onReplicasChanged(partitions)) this.#hosted.acknowledged(id)
  }
}
