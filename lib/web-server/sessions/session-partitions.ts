/** Which partitions requests are using: a handover gives up a partition only when none does. */
import { PARTITION_COUNT, type Partition } from '../../replication/ids.js'

/** Counts the uses of each partition. */
export class PartitionUses {
  readonly #counts = new Int32Array(PARTITION_COUNT)
  readonly #waiting = new Map<Partition, Set<() => void>>()

  /** @returns how many requests use sessions of this partition, or wait for one of them to be looked up */
  count(partition: Partition): number {
    return this.#counts[partition] ?? 0
  }

  acquire(partition: Partition): void {
    this.#counts[partition] = this.count(partition) + 1
  }

  release(partition: Partition): void {
    this.#counts[partition] = this.count(partition) - 1
    if (this.count(partition) > 0) return
    const callbacks = this.#waiting.get(partition)
    if (callbacks === undefined) return
    this.#waiting.delete(partition)
    for (const callback of callbacks) callback()
  }

  /**
   * Calls back once, at once when no request uses the partition, else as soon as the last one is over.
   * @returns gives up waiting
   */
  onIdle(partition: Partition, callback: () => void): () => void {
    if (this.count(partition) === 0) {
      callback()
      return () => {}
    }
    const callbacks = this.#waiting.get(partition) ?? new Set()
    this.#waiting.set(partition, callbacks)
    callbacks.add(callback)
    return () => callbacks.delete(callback)
  }
}
