/** The outboxes of one owner, one for each replica that can be reached. Pure. */
import type { AssignedReplica } from './assignment.js'
import type { Mutation } from './copy.js'
import type { ActorName } from './ids.js'
import type { ToReplica } from './messages.js'
import { type Batch, Outbox } from './outbox.js'

export class Outboxes {
  readonly #bytesMax: number
  readonly #outboxes = new Map<ActorName, Outbox>()

  /** @param bytesMax queued towards one replica before changes wait for it */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  /** Whether a replica can be reached. */
  has(replica: ActorName): boolean {
    return this.#outboxes.has(replica)
  }

  /** A replica can be reached: its outbox is empty. */
  open(replica: ActorName): void {
    this.#outboxes.set(replica, new Outbox())
  }

  /** A replica can't be reached any more: what was queued for it goes with its outbox. */
  close(replica: ActorName): void {
    this.#outboxes.delete(replica)
  }

  /** Mutations that wait for an acknowledgement, over all replicas. */
  get depth(): number {
    let depth = 0
    for (const outbox of this.#outboxes.values()) depth += outbox.depth
    return depth
  }

  /** What the fullest outbox weighs, bytes. */
  get bytesMax(): number {
    let bytes = 0
    for (const outbox of this.#outboxes.values()) bytes = Math.max(bytes, outbox.bytes)
    return bytes
  }

  /** Whether every outbox is below its bound. */
  get hasRoom(): boolean {
    return this.bytesMax < this.#bytesMax
  }

  /** Queues a mutation for one replica, if it can be reached. */
  enqueue(replica: ActorName, mutation: Mutation): void {
    this.#outboxes.get(replica)?.enqueue(mutation)
  }

  /** Queues a mutation for all of these that can be reached. @returns those whose outbox was at its bound already */
  enqueueAll(replicas: readonly AssignedReplica[], mutation: Mutation): ActorName[] {
    const congested: ActorName[] = []
    for (const { name } of replicas) {
      const outbox = this.#outboxes.get(name)
      if (outbox === undefined) continue
      if (outbox.bytes >= this.#bytesMax) congested.push(name)
      outbox.enqueue(mutation)
    }
    return congested
  }

  /** See {@link Outbox.onApplied}. @returns null also when the replica can't be reached */
  onApplied(replica: ActorName, batch: number): Batch | null {
    return this.#outboxes.get(replica)?.onApplied(batch) ?? null
  }

  /** See {@link Outbox.onceAcknowledged}. Never, when the replica can't be reached or is lost before. */
  onceAcknowledged(replica: ActorName, passed: () => void): void {
    this.#outboxes.get(replica)?.onceAcknowledged(passed)
  }

  /** See {@link Outbox.passBarriers}. */
  passBarriers(): void {
    for (const outbox of this.#outboxes.values()) outbox.passBarriers()
  }

  /** Sends the batches that may go. */
  flush(send: (replica: ActorName, message: ToReplica) => void): void {
    for (const [name, outbox] of this.#outboxes) {
      for (let batch = outbox.nextBatch(); batch !== null; batch = outbox.nextBatch()) {
        send(name, { type: 'apply', batch: batch.number, mutations: batch.mutations })
      }
    }
  }
}
