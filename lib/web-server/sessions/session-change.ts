/** A change on its way to the replicas, as the request that made it sees it. */
import type { TroupeError } from '../../errors.js'
import type { Version } from '../../replication/ids.js'

/** Settles once: acknowledged by enough replicas, or failed. */
export class PendingChange {
  /** The version that the change made. */
  readonly version: Version
  #isDone = false
  readonly #promise: Promise<void>
  #resolve: () => void = () => {}
  #reject: (error: TroupeError) => void = () => {}

  constructor(version: Version) {
    this.version = version
    this.#promise = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // A client that has gone away leaves nobody to tell of a failure.
    this.#promise.catch(() => {})
  }

  /** Acknowledged: nothing to wait for. */
  get isDone(): boolean {
    return this.#isDone
  }

  /** Resolves when it is acknowledged, rejects when it failed. Always the same promise. */
  get outcome(): Promise<void> {
    return this.#promise
  }

  /** @param error null when enough replicas hold the change */
  settle(error: TroupeError | null): void {
    if (error !== null) this.#reject(error)
    else {
      this.#isDone = true
      this.#resolve()
    }
  }
}
