/** The partitions that one web server owns, with what is asked of each on the path of every change. Pure. */
import type { Assignment } from './assignment.js'
import { type ActorName, PARTITION_COUNT, type Partition } from './ids.js'

/** One owned partition. */
export interface Owned {
  readonly assignment: Assignment
  /** The replicas of the assignment that have an outbox now. */
  readonly reachable: readonly ActorName[]
  /** Neither a resync nor a handover has filled the cache: what it does not hold is read ahead by the next resync. */
  readonly cold: boolean
  /** A replica that is about to leave: that it holds a change counts for nothing. */
  readonly retiring: ActorName | null
  /** How many replicas must hold a change before its response goes out. */
  readonly required: number
}

/** See above. */
export class OwnedPartitions {
  readonly #acks: 'none' | 'one' | 'all'
  readonly #partitions: (Owned | undefined)[] = new Array(PARTITION_COUNT).fill(undefined)
  #size = 0

  /** @param acks how many replicas must hold a change before its response goes out */
  constructor(acks: 'none' | 'one' | 'all') {
    this.#acks = acks
  }

  get size(): number {
    return this.#size
  }

  get(partition: Partition): Owned | undefined {
    return this.#partitions[partition]
  }

  /** @param reachable the replicas of the assignment that have an outbox now */
  set(assignment: Assignment, reachable: readonly ActorName[], cold: boolean): void {
    const retiring = assignment.replicas.find(replica => replica.retiring === true)?.name ?? null
    const required = this.#required(reachable, retiring)
    if (this.#partitions[assignment.partition] === undefined) this.#size++
    this.#partitions[assignment.partition] = { assignment, reachable, cold, retiring, required }
  }

  delete(partition: Partition): void {
    if (this.#partitions[partition] === undefined) return
    this.#size--
    this.#partitions[partition] = undefined
  }

  *[Symbol.iterator](): Generator<Owned> {
    for (const owned of this.#partitions) if (owned !== undefined) yield owned
  }

  #required(reachable: readonly ActorName[], retiring: ActorName | null): number {
    switch (this.#acks) {
      case 'none':
        return 0
      case 'one':
        return 1
      case 'all':
        return Math.max(1, reachable.filter(name => name !== retiring).length)
    }
  }
}
