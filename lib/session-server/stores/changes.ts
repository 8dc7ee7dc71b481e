/** Changes of copies that are not in their places on disk yet, by partition: the newest of each session. */
import type { Partition, SessionId } from '../../replication/ids.js'
import type { HeldCopy } from './lmdb-records.js'

/** What becomes of one session. */
export interface Change {
  /** What it is now; null when it was deleted. */
  readonly held: HeldCopy | null
  /** The interval under which the expiry index has it before these changes; null when it is not there. */
  readonly indexedBefore: number | null
}

/** All changes of one partition; none when only its fence or its counters are others now. */
export type PartitionChanges = readonly [Partition, ReadonlyMap<SessionId, Change>]

/** One generation of changes. */
export class Changes {
  /** A change of a copy changes counters too: so it has every partition of which anything changed. */
  readonly #partitions = new Map<Partition, Map<SessionId, Change>>()

  get isEmpty(): boolean {
    return this.#partitions.size === 0
  }

  get(id: SessionId, partition: Partition): Change | undefined {
    return this.#partitions.get(partition)?.get(id)
  }

  set(id: SessionId, partition: Partition, change: Change): void {
    this.#changesOf(partition).set(id, change)
  }

  /** The fence or the counters of a partition have changed. */
  touch(partition: Partition): void {
    this.#changesOf(partition)
  }

  /** The sessions of one partition that have changed. */
  idsOf(partition: Partition): Iterable<SessionId> {
    return this.#partitions.get(partition)?.keys() ?? []
  }

  /**
   * All of it in pieces of whole partitions, in the order in which they lie on disk, so that each piece touches few
   * pages there, and none that another does.
   * @param changesMax a piece has no more changes, unless one partition alone has
   */
  pieces(changesMax: number): readonly (readonly PartitionChanges[])[] {
    const pieces: PartitionChanges[][] = []
    let changes = changesMax
    for (const each of [...this.#partitions].sort(([a], [b]) => a - b)) {
      changes += each[1].size
      if (changes > changesMax || pieces.length === 0) {
        pieces.push([])
        changes = each[1].size
      }
      pieces.at(-1)?.push(each)
    }
    return pieces
  }

  #changesOf(partition: Partition): Map<SessionId, Change> {
    const known = this.#partitions.get(partition)
    if (known !== undefined) return known
    const made = new Map<SessionId, Change>()
    this.#partitions.set(partition, made)
    return made
  }
}
