/** The fence and the counters of every partition, in memory: so neither costs a read, and no count costs a scan. */
import type { CopyStoreStats } from '../../replication/copy-store.js'
import { type Epoch, PARTITION_COUNT, type Partition } from '../../replication/ids.js'
import type { HeldCopy, PartitionRecord } from './lmdb-records.js'

export class PartitionLedger {
  readonly #fences = new Float64Array(PARTITION_COUNT)
  readonly #sessions = new Float64Array(PARTITION_COUNT)
  readonly #tombstones = new Float64Array(PARTITION_COUNT)
  readonly #bytes = new Float64Array(PARTITION_COUNT)

  /** @returns how everything is now, whatever is counted later */
  snapshot(): PartitionLedger {
    const taken = new PartitionLedger()
    taken.#fences.set(this.#fences)
    taken.#sessions.set(this.#sessions)
    taken.#tombstones.set(this.#tombstones)
    taken.#bytes.set(this.#bytes)
    return taken
  }

  fence(partition: Partition): Epoch {
    return (this.#fences[partition] ?? 0) as Epoch
  }

  raiseFence(partition: Partition, epoch: Epoch): void {
    this.#fences[partition] = epoch
  }

  /** A copy came, `by` 1, or went, `by` -1. */
  count(partition: Partition, { copy, bytes }: HeldCopy, by: 1 | -1): void {
    const counter = copy.data === null ? this.#tombstones : this.#sessions
    counter[partition] = (counter[partition] ?? 0) + by
    this.#bytes[partition] = (this.#bytes[partition] ?? 0) + by * bytes
  }

  record(partition: Partition): PartitionRecord {
    return {
      fence: this.fence(partition),
      sessions: this.#sessions[partition] ?? 0,
      tombstones: this.#tombstones[partition] ?? 0,
      bytes: this.#bytes[partition] ?? 0,
    }
  }

  /** Takes a record over that was read from disk. */
  restore(partition: Partition, { fence, sessions, tombstones, bytes }: PartitionRecord): void {
    this.#fences[partition] = fence
    this.#sessions[partition] = sessions
    this.#tombstones[partition] = tombstones
    this.#bytes[partition] = bytes
  }

  stats(): CopyStoreStats {
    const sum = (counter: Float64Array): number => counter.reduce((total, count) => total + count, 0)
    let partitions = 0
    for (let index = 0; index < PARTITION_COUNT; index++) {
      if ((this.#sessions[index] ?? 0) + (this.#tombstones[index] ?? 0) > 0) partitions++
    }
    return {
      partitions,
      sessions: sum(this.#sessions),
      tombstones: sum(this.#tombstones),
      bytes: sum(this.#bytes),
    }
  }
}
