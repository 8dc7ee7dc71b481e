/** Changes of a durable store since a commit: read before the disk is, and written by the next commit. */
import type { Partition, SessionId } from '../../replication/ids.js'
import type { HeldCopy } from './lmdb-records.js'

/** What becomes of one session. */
export interface Change {
  /** What it is now; null when it was deleted. */
  readonly held: HeldCopy | null
  /** The interval under which the expiry index had it before these changes; null when it was not there. */
  readonly indexedBefore: number | null
}

/** One generation of changes. */
export class Unsaved {
  readonly #copies = new Map<Partition, Map<SessionId, Change>>()
  /** Partitions whose fence or counters have changed. */
  readonly partitions = new Set<Partition>()

  /** A change of a copy changes counters too: so this says it all. */
  get isEmpty(): boolean {
    return this.partitions.size === 0
  }

  get(id: SessionId, partition: Partition): Change | undefined {
    return this.#copies.get(partition)?.get(id)
  }

  set(id: SessionId, partition: Partition, change: Change): void {
    const known = this.#copies.get(partition)
    if (known === undefined) this.#copies.set(partition, new Map([[id, change]]))
    else known.set(id, change)
    this.partitions.add(partition)
  }

  /** The changes of one partition; it may be changed during the walk. */
  ofPartition(partition: Partition): readonly (readonly [SessionId, Change])[] {
    return [...(this.#copies.get(partition) ?? [])]
  }

  *[Symbol.iterator](): Generator<readonly [SessionId, Partition, Change]> {
    for (const [partition, changes] of this.#copies) {
      for (const [id, change] of changes) yield [id, partition, change]
    }
  }
}
