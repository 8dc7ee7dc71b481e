/** Order without waiting for each other: what concerns one partition happens one after the other, all else at once. */
import type { Partition } from '../../replication/ids.js'

/** A queue for each partition that has something under way. */
export class Lanes {
  readonly #last = new Map<Partition, Promise<unknown>>()

  /**
   * Does something for a partition once everything asked for it before is done: at once if there is nothing.
   * @throws (as a rejection) what `work` throws; what comes behind it in the lane is done all the same
   */
  run<T>(partition: Partition, work: () => Promise<T>): Promise<T> {
    const before = this.#last.get(partition)
    const result = before === undefined ? work() : before.then(work)
    const settled: Promise<unknown> = result.then(
      () => this.#leave(partition, settled),
      () => this.#leave(partition, settled),
    )
    this.#last.set(partition, settled)
    return result
  }

  #leave(partition: Partition, settled: Promise<unknown>): void {
    if (this.#last.get(partition) === settled) this.#last.delete(partition)
  }
}
