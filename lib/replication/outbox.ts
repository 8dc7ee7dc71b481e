/**
 * The queue of mutations from one owner towards one replica: coalesced by session (a newer state replaces a queued
 * older one), sent in batches, acknowledged in order. Pure.
 */
import { compareStamps, type Mutation } from './copy.js'
import type { SessionId } from './ids.js'

/** Batches on their way at once: enough to keep a far replica busy, few enough that coalescing has something to do. */
const BATCHES_IN_FLIGHT_MAX = 8
/** Mutations in one batch: bounds the time that a replica is busy with one message. */
const BATCH_MUTATIONS_MAX = 512
/** What a queued mutation weighs beside its data: ids, numbers and bookkeeping, bytes. */
const MUTATION_OVERHEAD_BYTES = 128

/** A batch on its way. */
export interface Batch {
  readonly number: number
  readonly mutations: readonly Mutation[]
}

interface Barrier {
  readonly slot: number
  readonly passed: () => void
}

export class Outbox {
  /** Insertion order is sending order; superseding a queued mutation keeps its place. */
  #queue = new Map<SessionId, Mutation>()
  readonly #inFlight: Batch[] = []
  /** In order of `slot`. */
  readonly #barriers: Barrier[] = []
  #nextBatch = 1
  #bytes = 0
  /** Places in the queue ever given out, and how many of them are acknowledged: places are acknowledged in order. */
  #slotsGiven = 0
  #slotsAcknowledged = 0

  /** Mutations not acknowledged yet. */
  get depth(): number {
    return this.#slotsGiven - this.#slotsAcknowledged
  }

  /** What the mutations not acknowledged yet weigh, bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /**
   * Queues a mutation, unless a newer one of the same session is queued already. What is queued under an epoch that is
   * over gives way to anything of a later one, since the replica is going to refuse it.
   */
  enqueue(mutation: Mutation): void {
    const queued = this.#queue.get(mutation.id)
    if (queued === undefined) {
      this.#slotsGiven++
    } else {
      const isOlder = compareStamps(mutation, queued) < 0
      if (mutation.authority < queued.authority || (mutation.authority === queued.authority && isOlder))
        return
      this.#bytes -= weightOf(queued)
    }
    this.#queue.set(mutation.id, mutation)
    this.#bytes += weightOf(mutation)
  }

  /** @returns the next batch to send, or null when nothing is queued or enough is on its way */
  nextBatch(): Batch | null {
    if (this.#queue.size === 0 || this.#inFlight.length >= BATCHES_IN_FLIGHT_MAX) return null
    const batch = { number: this.#nextBatch++, mutations: this.#take() }
    this.#inFlight.push(batch)
    return batch
  }

  #take(): Mutation[] {
    const mutations: Mutation[] = []
    if (this.#queue.size <= BATCH_MUTATIONS_MAX) {
      for (const mutation of this.#queue.values()) mutations.push(mutation)
      // A Map that lives on would keep what it has held: see transient-map.ts.
      this.#queue = new Map()
      return mutations
    }
    for (const mutation of this.#queue.values()) {
      this.#queue.delete(mutation.id)
      mutations.push(mutation)
      if (mutations.length === BATCH_MUTATIONS_MAX) break
    }
    return mutations
  }

  /**
   * The replica answered a batch. Answers come in the order of the batches; anything else is not an answer to us.
   * @returns the batch, or null when it is not the one that is due
   */
  onApplied(number: number): Batch | null {
    const batch = this.#inFlight[0]
    if (batch === undefined || batch.number !== number) return null
    this.#inFlight.shift()
    this.#slotsAcknowledged += batch.mutations.length
    for (const mutation of batch.mutations) this.#bytes -= weightOf(mutation)
    return batch
  }

  /** Calls `passed` once everything queued so far is acknowledged; not before {@link passBarriers} is called. */
  onceAcknowledged(passed: () => void): void {
    this.#barriers.push({ slot: this.#slotsGiven, passed })
  }

  /** Calls every barrier that has been passed. Apart from {@link onApplied} so that acknowledgements are counted first. */
  passBarriers(): void {
    while (this.#barriers[0] !== undefined && this.#barriers[0].slot <= this.#slotsAcknowledged) {
      this.#barriers.shift()?.passed()
    }
  }
}

function weightOf(mutation: Mutation): number {
  return MUTATION_OVERHEAD_BYTES + (mutation.data?.length ?? 0)
}
