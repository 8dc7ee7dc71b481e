/**
 * Bringing the replicas of one partition to the same, newest copies, by its owner (invariant 6): after a takeover, when
 * a replica is new, and when one comes back. The owner pushes what it has cached, reads from the replica with the
 * newest copy what no cache holds, and passes it on through the outboxes, so that it stays the only writer and the
 * order of a port decides. Pure.
 */
import type { Assignment, Settled } from './assignment.js'
import { compareStamps, type DigestEntry, type Mutation, type SessionCopy, type Stamp } from './copy.js'
import type { HostedSessions } from './hosted-sessions.js'
import type { ActorName, SessionId } from './ids.js'
import type { ToReplica } from './messages.js'

/** Copies read in one message while resyncing. */
const READS_PER_MESSAGE_MAX = 128

/** What a resync does to the world; implemented by the owner. */
export interface ResyncEffects {
  /** Sends a call to a replica; its answer comes back by {@link Resync.onDigest} or {@link Resync.onFound}. */
  call(replica: ActorName, message: (call: number) => ToReplica): number
  enqueue(replica: ActorName, mutation: Mutation): void
  /** Calls back when the replica has acknowledged everything queued for it so far. */
  onceAcknowledged(replica: ActorName, passed: () => void): void
  /** False while the outboxes are full: reading goes on at the next {@link Resync.proceed}. */
  hasRoom(): boolean
  settled(settled: Settled): void
}

interface ReadPlan {
  readonly holder: ActorName
  readonly ids: readonly SessionId[]
}

export class Resync {
  readonly #assignment: Assignment
  /** Read every session that no cache holds, so that the first request after a takeover finds it cached. */
  #warming: boolean
  readonly #hosted: HostedSessions
  readonly #effects: ResyncEffects
  readonly #digests = new Map<ActorName, Map<SessionId, Stamp>>()
  readonly #listing = new Map<number, ActorName>()
  readonly #plans: ReadPlan[] = []
  #reading: number | null = null
  #awaitedBarriers: number | null = null
  #over = false

  constructor(assignment: Assignment, warming: boolean, hosted: HostedSessions, effects: ResyncEffects) {
    this.#assignment = assignment
    this.#warming = warming
    this.#hosted = hosted
    this.#effects = effects
  }

  /** Begins with the question who has what. */
  start(): void {
    const { partition, replicas } = this.#assignment
    for (const { name } of replicas) {
      this.#digests.set(name, new Map())
      const call = this.#effects.call(name, number => ({ type: 'list', call: number, partition }))
      this.#listing.set(call, name)
    }
  }

  /** Nothing of it happens any more. */
  cancel(): void {
    this.#over = true
  }

  onDigest(call: number, entries: readonly DigestEntry[], more: boolean): void {
    const name = this.#listing.get(call)
    if (this.#over || name === undefined) return
    const digest = this.#digests.get(name)
    for (const entry of entries) digest?.set(entry.id, entry)
    if (more) return
    this.#listing.delete(call)
    if (this.#listing.size > 0) return
    this.#compare()
    this.proceed()
  }

  onFound(call: number, copies: readonly (SessionCopy | null)[]): void {
    if (this.#over || call !== this.#reading) return
    this.#reading = null
    for (const copy of copies) {
      if (copy !== null) this.#passOn(copy)
    }
    this.proceed()
  }

  /** Sends the next read if there is room for its outcome, or waits for the replicas to acknowledge everything. */
  proceed(): void {
    if (this.#over || this.#listing.size > 0 || this.#reading !== null) return
    const plan = this.#plans[0]
    if (plan === undefined) {
      this.#awaitBarriers()
      return
    }
    if (!this.#effects.hasRoom()) return
    this.#plans.shift()
    this.#reading = this.#effects.call(plan.holder, call => ({ type: 'read', call, ids: plan.ids }))
  }

  /** Pushes what is cached to whoever is behind, and plans the reading of the rest. */
  #compare(): void {
    const cached = new Map<SessionId, Stamp>()
    for (const copy of this.#hosted.inPartition(this.#assignment.partition)) {
      cached.set(copy.id, copy)
      for (const name of this.#digests.keys()) {
        if (this.#isBehind(name, copy)) this.#push(name, copy)
      }
    }
    const toRead = new Map<ActorName, SessionId[]>()
    const replicas = [...this.#digests]
    for (const [at, [holder, digest]] of replicas.entries()) {
      for (const [id, stamp] of digest) {
        const place = placeOf(id, stamp, at, replicas)
        if (place === 'known-elsewhere') continue
        // A replica that comes back can hold a newer state than the cache, when it alone held it and went away.
        const ofCache = cached.get(id)
        if (ofCache !== undefined && compareStamps(ofCache, stamp) >= 0) continue
        if (place === 'held-by-all' && !this.#warming) continue
        const ids = toRead.get(holder)
        if (ids === undefined) toRead.set(holder, [id])
        else ids.push(id)
      }
    }
    for (const [holder, ids] of toRead) {
      for (let from = 0; from < ids.length; from += READS_PER_MESSAGE_MAX) {
        this.#plans.push({ holder, ids: ids.slice(from, from + READS_PER_MESSAGE_MAX) })
      }
    }
  }

  #isBehind(replica: ActorName, copy: DigestEntry): boolean {
    const held = this.#digests.get(replica)?.get(copy.id)
    return held === undefined || compareStamps(held, copy) < 0
  }

  #passOn(copy: SessionCopy): void {
    for (const name of this.#digests.keys()) {
      if (this.#isBehind(name, copy)) this.#push(name, copy)
    }
    const wanted = (this.#warming && copy.data !== null) || this.#hosted.get(copy.id) !== undefined
    if (wanted && !this.#hosted.warm(copy)) this.#stopWarming()
  }

  /** The cache is full: from here on only what a replica lacks is read. */
  #stopWarming(): void {
    this.#warming = false
    const plans = this.#plans.splice(0)
    for (const { holder, ids } of plans) {
      const needed = ids.filter(id => this.#isMissedByAny(id, holder))
      if (needed.length > 0) this.#plans.push({ holder, ids: needed })
    }
  }

  #isMissedByAny(id: SessionId, holder: ActorName): boolean {
    const stamp = this.#digests.get(holder)?.get(id)
    if (stamp === undefined) return false
    return [...this.#digests.keys()].some(name => this.#isBehind(name, { id, ...stamp }))
  }

  #push(replica: ActorName, copy: SessionCopy): void {
    const { partition, epoch } = this.#assignment
    this.#effects.enqueue(replica, { ...copy, partition, authority: epoch })
  }

  #awaitBarriers(): void {
    if (this.#awaitedBarriers !== null) return
    this.#awaitedBarriers = this.#assignment.replicas.length
    for (const { name } of this.#assignment.replicas) {
      this.#effects.onceAcknowledged(name, () => this.#onBarrier())
    }
  }

  #onBarrier(): void {
    if (this.#over || this.#awaitedBarriers === null) return
    this.#awaitedBarriers--
    if (this.#awaitedBarriers > 0) return
    this.#over = true
    const { partition, epoch, revision } = this.#assignment
    this.#effects.settled({ partition, epoch, revision })
  }
}

type Digests = readonly (readonly [ActorName, ReadonlyMap<SessionId, Stamp>])[]

/**
 * What is to be done about a state that the replica at this place told of. The first of those with the newest state of
 * a session is the one to read it from.
 */
function placeOf(
  id: SessionId,
  stamp: Stamp,
  at: number,
  replicas: Digests,
): 'known-elsewhere' | 'missed-by-some' | 'held-by-all' {
  let isMissed = false
  for (const [other, [, digest]] of replicas.entries()) {
    if (other === at) continue
    const held = digest.get(id)
    const order = held === undefined ? -1 : compareStamps(held, stamp)
    if (order > 0 || (order === 0 && other < at)) return 'known-elsewhere'
    if (order < 0) isMissed = true
  }
  return isMissed ? 'missed-by-some' : 'held-by-all'
}
