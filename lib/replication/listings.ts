/**
 * Which sessions a partition may have, by what its replicas list: whoever wants to know which of them live looks each
 * of them up. Pure.
 */
import type { TroupeError } from '../errors.js'
import type { AssignedReplica } from './assignment.js'
import { OwnershipLostError, SessionUnavailableError } from './errors.js'
import type { ActorName, Partition, SessionId } from './ids.js'
import type { FromReplica, ToReplica } from './messages.js'

/** What came of a listing. */
export type Listed =
  /** No session that is alive and in no cache is missing; some may be destroyed. */
  | { readonly type: 'listed'; readonly ids: ReadonlySet<SessionId> }
  /** Nobody can say. */
  | { readonly type: 'unavailable'; readonly error: TroupeError }

interface Listing {
  readonly partition: Partition
  readonly since: number
  /** One synced list is enough, since all synced replicas hold the same. */
  readonly settled: boolean
  readonly done: (listed: Listed) => void
  readonly ids: Set<SessionId>
  /** The calls that are not answered yet. */
  readonly awaited: Map<number, AssignedReplica>
  syncedAnswers: number
}

export class Listings {
  readonly #timeoutMs: number
  readonly #active = new Set<Listing>()

  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs
  }

  /** Listings under way. */
  get size(): number {
    return this.#active.size
  }

  /**
   * Asks every given replica.
   * @param settled whether all synced replicas are known to hold the same
   * @param ask sends the call and returns its number
   */
  start(
    partition: Partition,
    replicas: readonly AssignedReplica[],
    settled: boolean,
    now: number,
    ask: (replica: ActorName, message: (call: number) => ToReplica) => number,
    done: (listed: Listed) => void,
  ): void {
    if (!replicas.some(({ synced }) => synced)) {
      const error = new SessionUnavailableError(partition, 'none of its session servers is up to date')
      done({ type: 'unavailable', error })
      return
    }
    const awaited = new Map<number, AssignedReplica>()
    for (const replica of replicas) {
      awaited.set(
        ask(replica.name, call => ({ type: 'list', call, partition })),
        replica,
      )
    }
    this.#active.add({ partition, since: now, settled, done, ids: new Set(), awaited, syncedAnswers: 0 })
  }

  /** @returns false when the call is not one of ours */
  onDigest(replica: ActorName, { call, entries, more }: Extract<FromReplica, { type: 'digest' }>): boolean {
    for (const listing of this.#active) {
      const asked = listing.awaited.get(call)
      if (asked === undefined || asked.name !== replica) continue
      for (const { id } of entries) listing.ids.add(id)
      if (more) return true
      listing.awaited.delete(call)
      if (asked.synced) listing.syncedAnswers++
      this.#finishIfComplete(listing)
      return true
    }
    return false
  }

  /** Nothing more will come from this replica. */
  onReplicaLost(replica: ActorName): void {
    for (const listing of this.#active) {
      for (const [call, { name }] of listing.awaited) if (name === replica) listing.awaited.delete(call)
      this.#finishIfComplete(listing)
    }
  }

  onPartitionLost(partition: Partition): void {
    for (const listing of this.#active) {
      if (listing.partition !== partition) continue
      this.#finish(listing, { type: 'unavailable', error: new OwnershipLostError(partition) })
    }
  }

  /** Fails those that have waited too long. @param now ms */
  onTick(now: number): void {
    for (const listing of this.#active) {
      if (now - listing.since < this.#timeoutMs) continue
      const silent = [...listing.awaited.values()].map(({ name }) => name).join(', ')
      this.#finish(listing, {
        type: 'unavailable',
        error: new SessionUnavailableError(
          listing.partition,
          `no list from ${silent} within ${this.#timeoutMs} ms`,
        ),
      })
    }
  }

  #finishIfComplete(listing: Listing): void {
    const { partition, settled, syncedAnswers, awaited, ids } = listing
    const enough = settled && syncedAnswers > 0
    if (!enough && awaited.size > 0) return
    if (syncedAnswers > 0) this.#finish(listing, { type: 'listed', ids })
    else {
      const error = new SessionUnavailableError(partition, 'its session servers were lost')
      this.#finish(listing, { type: 'unavailable', error })
    }
  }

  #finish(listing: Listing, listed: Listed): void {
    if (this.#active.delete(listing)) listing.done(listed)
  }
}
