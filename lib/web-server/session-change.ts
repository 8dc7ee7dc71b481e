/** A change on its way to the replicas, as the request that made it sees it. */
import type { TroupeError } from '../errors.js'
import type { Version } from '../replication/ids.js'

/** Settles once: acknowledged by enough replicas, or failed. */
export class PendingChange {
  /** The version that the change made. */
  readonly version: Version
  #settled = false
  #error: TroupeError | null = null
  #waiting: ((error: TroupeError | null) => void)[] = []

  constructor(version: Version) {
    this.version = version
  }

  /** Acknowledged: nothing to wait for. */
  get isDone(): boolean {
    return this.#settled && this.#error === null
  }

  settle(error: TroupeError | null): void {
    if (this.#settled) return
    this.#settled = true
    this.#error = error
    for (const callback of this.#waiting) callback(error)
    this.#waiting = []
  }

  /** Calls back once, at once when it has settled. */
  whenSettled(callback: (error: TroupeError | null) => void): void {
    if (this.#settled) callback(this.#error)
    else this.#waiting.push(callback)
  }
}
