/**
 * A session server over a store that lasts. Every answer waits until what it tells of is on the disk. Messages that
 * arrive while a commit is under way go into the next one together: the slower the disk, the larger the commits.
 */
import { ALL_PARTITIONS, type Epoch } from '../replication/ids.js'
import type { FromReplica, ToReplica } from '../replication/messages.js'
import { Replica } from '../replication/replica.js'
import type { SessionServerStats } from '../transport/actor-control.js'
import type { SessionServer } from './session-server.js'
import type { DurableStore } from './stores/durable-store.js'

/** Time between two sweeps for expired copies, ms: each is bounded, so that none takes long. */
const TICK_INTERVAL_MS = 100

/** An answer that waits for a commit, with where it goes. */
type Held = readonly [answer: FromReplica, to: (answer: FromReplica) => void]

export class DurableSessionServer implements SessionServer {
  readonly holdsInMemory = false
  readonly failed: Promise<Error>
  readonly #store: DurableStore
  readonly #replica: Replica
  readonly #ticks: NodeJS.Timeout
  readonly #settleFailed: (error: Error) => void
  /** In the order of their messages; bounded by the batches that owners may have on their way. */
  #held: Held[] = []
  /** Commits, one after the other, until there is nothing left; null when there is not. */
  #committing: Promise<void> | null = null
  #compacting: Promise<void> | null = null
  /** It was closed or has failed: nothing is taken or answered any more. */
  #ended = false

  constructor(store: DurableStore) {
    this.#store = store
    this.#replica = new Replica(store)
    let settle: (error: Error) => void = () => undefined
    this.failed = new Promise(resolve => {
      settle = resolve
    })
    this.#settleFailed = settle
    this.#ticks = setInterval(() => this.#tick(), TICK_INTERVAL_MS).unref()
  }

  receive(message: ToReplica, answer: (answer: FromReplica) => void): void {
    if (this.#ended) return
    try {
      for (const each of this.#replica.onMessage(message, Date.now())) this.#held.push([each, answer])
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#settle()
  }

  async stats(): Promise<SessionServerStats> {
    return this.#store.stats()
  }

  async fences(): Promise<readonly Epoch[]> {
    return ALL_PARTITIONS.map(partition => this.#store.fence(partition))
  }

  async close(): Promise<void> {
    const failed = this.#ended
    this.#ended = true
    clearInterval(this.#ticks)
    await this.#committing
    await this.#compacting
    // After a failure LMDB may never let go; its thread ends soon, and the files with it.
    if (!failed) await this.#store.close()
  }

  #tick(): void {
    if (this.#ended) return
    try {
      this.#replica.onTick(Date.now())
    } catch (error) {
      this.#fail(error)
      return
    }
    this.#settle()
    this.#compactWhenDue()
  }

  /** Answers at once what needs no commit; anything else with the next one. */
  #settle(): void {
    if (this.#committing !== null) return
    if (!this.#store.isDirty) {
      this.#answer(this.#takeHeld())
      return
    }
    this.#committing = this.#commitAll()
  }

  async #commitAll(): Promise<void> {
    try {
      do {
        // A turn of the event loop later, so that all of the port's messages of this turn go along.
        await new Promise(resolve => setImmediate(resolve))
        const held = this.#takeHeld()
        await this.#store.commit()
        this.#answer(held)
        this.#compactWhenDue()
      } while (this.#store.isDirty || this.#held.length > 0)
    } catch (error) {
      this.#fail(error)
    } finally {
      // In the same turn in which it saw that nothing is left: whoever comes next begins anew.
      this.#committing = null
    }
  }

  #compactWhenDue(): void {
    if (this.#compacting !== null || !this.#store.isCompactionDue(Date.now())) return
    this.#compacting = this.#store
      .compact()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#compacting = null
      })
  }

  #takeHeld(): readonly Held[] {
    const held = this.#held
    this.#held = []
    return held
  }

  #answer(held: readonly Held[]): void {
    for (const [answer, to] of held) to(answer)
  }

  #fail(error: unknown): void {
    this.#ended = true
    this.#held = []
    clearInterval(this.#ticks)
    this.#settleFailed(this.#store.asError(error))
  }
}
