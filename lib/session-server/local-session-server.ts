/** A session server that holds the copies itself: gives the pure {@link Replica} its store, clock and ticks. */
import type { CopyStore } from '../replication/copy-store.js'
import { ALL_PARTITIONS, type Epoch } from '../replication/ids.js'
import type { FromReplica, ToReplica } from '../replication/messages.js'
import { Replica } from '../replication/replica.js'
import type { SessionServerStats } from '../transport/actor-control.js'
import type { SessionServer } from './session-server.js'

/** Time between two sweeps for expired copies, ms: each sweeps a few partitions, so that none takes long. */
const TICK_INTERVAL_MS = 100

export class LocalSessionServer implements SessionServer {
  readonly holdsInMemory = true
  /** Memory does not fail. */
  readonly failed = new Promise<Error>(() => {})
  readonly #store: CopyStore
  readonly #replica: Replica
  readonly #ticks: NodeJS.Timeout

  constructor(store: CopyStore) {
    this.#store = store
    this.#replica = new Replica(store)
    this.#ticks = setInterval(() => this.#replica.onTick(Date.now()), TICK_INTERVAL_MS).unref()
  }

  receive(message: ToReplica, answer: (answer: FromReplica) => void): void {
    for (const each of this.#replica.onMessage(message, Date.now())) answer(each)
  }

  async stats(): Promise<SessionServerStats> {
    return this.#store.stats()
  }

  async fences(): Promise<readonly Epoch[]> {
    return ALL_PARTITIONS.map(partition => this.#store.fence(partition))
  }

  async close(): Promise<void> {
    clearInterval(this.#ticks)
  }
}
