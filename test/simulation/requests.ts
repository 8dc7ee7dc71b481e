/** The front: sends each operation to the owner of its session, lets it wait while there is none, and answers it once. */
import { type Partition, partitionOf } from '../../lib/replication/ids.js'
import type { Channel } from './channel.js'
import type { Answer, Operation } from './conversation.js'
import type { Timeline } from './timeline.js'

/** How long an operation may wait for an owner before it is refused, virtual ms. */
const PARK_MS = 3_000
/** How often an operation may be sent on because its owner had changed. */
const REROUTES_MAX = 20

/** Where operations are sent. */
export interface Destination {
  readonly exchange: Channel<Operation>
}

interface Pending {
  readonly operation: Operation
  readonly answer: (answer: Answer) => void
  readonly since: number
  reroutes: number
  at: Destination | null
}

export class Requests {
  readonly #timeline: Timeline
  readonly #ownerOf: (partition: Partition) => Destination | null
  readonly #pending = new Map<number, Pending>()

  /** @param ownerOf null lets operations wait */
  constructor(timeline: Timeline, ownerOf: (partition: Partition) => Destination | null) {
    this.#timeline = timeline
    this.#ownerOf = ownerOf
  }

  /** Operations without an answer. */
  get size(): number {
    return this.#pending.size
  }

  submit(operation: Operation, answer: (answer: Answer) => void): void {
    const pending: Pending = { operation, answer, since: this.#timeline.now, reroutes: 0, at: null }
    this.#pending.set(operation.number, pending)
    this.#dispatch(pending)
  }

  onAnswer(from: Destination, number: number, answer: Answer): void {
    const pending = this.#pending.get(number)
    if (pending?.at === from) this.#finish(pending, answer)
  }

  /** Whoever it was sent to owns that partition no more. */
  onReroute(from: Destination, number: number): void {
    const pending = this.#pending.get(number)
    if (pending?.at !== from) return
    if (pending.reroutes++ < REROUTES_MAX) this.#dispatch(pending)
    else this.#finish(pending, { type: 'error', code: 'REROUTED_TOO_OFTEN' })
  }

  /** As over HTTP: what may be repeated goes to the new owner, the rest is refused. */
  onLost(destination: Destination): void {
    for (const pending of this.#pending.values()) {
      if (pending.at !== destination) continue
      if (pending.operation.kind === 'read' || pending.operation.kind === 'list') pending.at = null
      else this.#finish(pending, { type: 'error', code: 'WEB_SERVER_LOST' })
    }
  }

  /** The director ends: every connection is cut. */
  onDirectorLost(): void {
    for (const pending of this.#pending.values()) this.#finish(pending, { type: 'error', code: 'CUT_OFF' })
  }

  /** Some partition has an owner again. */
  unpark(): void {
    for (const pending of this.#pending.values()) {
      if (pending.at === null) this.#dispatch(pending)
    }
  }

  refuseLate(): void {
    for (const pending of this.#pending.values()) {
      if (pending.at !== null || this.#timeline.now - pending.since < PARK_MS) continue
      this.#finish(pending, { type: 'error', code: 'PARKED_TOO_LONG' })
    }
  }

  #dispatch(pending: Pending): void {
    pending.at = this.#ownerOf(partitionOf(pending.operation.id))
    pending.at?.exchange.send(pending.operation)
  }

  #finish(pending: Pending, answer: Answer): void {
    this.#pending.delete(pending.operation.number)
    pending.answer(answer)
  }
}
