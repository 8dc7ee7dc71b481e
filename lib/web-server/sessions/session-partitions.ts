/** Which partitions requests are using: a handover gives up a partition only when none does. */
import { PARTITION_COUNT, type Partition } from '../../replication/ids.js'

/** Counts the uses of each partition. */
export class PartitionUses {
  readonly #counts = new Int32Array(PARTITION_COUNT)

  /** @returns how many requests use sessions of this partition, or wait for one of them to be looked up */
  count(partition: Partition): number {
    return this.#counts[partition] ?? 0
  }

  acquire(partition: Partition): void {
    this.#counts[partition] = this.count(partition) + 1
  }

  release(partition: Partition): void {
    this.#counts[partition] = this.count(partition) - 1
  }
}
