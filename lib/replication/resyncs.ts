/** The resyncs of one owner: which partitions wait for one, which run, and whose answers belong to which. Pure. */
import type { Assignment, Settled } from './assignment.js'
import type { Mutation } from './copy.js'
import type { HostedSessions } from './hosted-sessions.js'
import type { ActorName, Partition } from './ids.js'
import type { FromReplica, ToReplica } from './messages.js'
import { Resync, type ResyncEffects } from './resync.js'

/**
 * Partitions resynced at once while nobody waits for a look-up: bounds what is read ahead, and for how long one turn of
 * the loop is busy with it, yet keeps every replica busy.
 */
const RESYNCS_AT_ONCE_MAX = 4

/** What resyncs need of the owner. */
export interface ResyncsEffects {
  nextCall(): number
  send(replica: ActorName, message: ToReplica): void
  enqueue(replica: ActorName, mutation: Mutation): void
  onceAcknowledged(replica: ActorName, passed: () => void): void
  hasRoom(): boolean
  /**
   * Sessions are being read for somebody who waits, now or at any moment: then one resync's call at a time has to do, so
   * that no look-up queues behind many.
   */
  areLookupsBusy(): boolean
  settled(settled: Settled): void
}

interface Wanted {
  readonly assignment: Assignment
  readonly warming: boolean
}

export class Resyncs {
  readonly #hosted: HostedSessions
  readonly #effects: ResyncsEffects
  readonly #queue = new Map<Partition, Wanted>()
  readonly #running = new Map<Partition, Resync>()
  readonly #calls = new Map<number, { readonly replica: ActorName; readonly partition: Partition }>()

  constructor(hosted: HostedSessions, effects: ResyncsEffects) {
    this.#hosted = hosted
    this.#effects = effects
  }

  /** Partitions that are being resynced or wait for it, and calls that a replica has not answered. */
  get size(): number {
    return this.#queue.size + this.#running.size + this.#calls.size
  }

  /** Queues a resync in place of whatever this partition had. @param warming whether to read ahead what no cache holds */
  want(assignment: Assignment, warming: boolean): void {
    this.cancel(assignment.partition)
    this.#queue.set(assignment.partition, { assignment, warming })
  }

  cancel(partition: Partition): void {
    this.#queue.delete(partition)
    const running = this.#running.get(partition)
    if (running === undefined) return
    running.cancel()
    this.#running.delete(partition)
    for (const [call, asked] of this.#calls) {
      if (asked.partition === partition) this.#calls.delete(call)
    }
  }

  /** Starts what may start, and lets the running ones go on. */
  proceed(): void {
    for (const resync of this.#running.values()) resync.proceed()
    for (const [partition, { assignment, warming }] of this.#queue) {
      if (this.#running.size >= RESYNCS_AT_ONCE_MAX || !this.#mayCall()) return
      this.#queue.delete(partition)
      const resync = new Resync(assignment, warming, this.#hosted, this.#effectsFor(partition))
      this.#running.set(partition, resync)
      resync.start()
    }
  }

  /** An answer to a call of some resync; anything else is not ours and is ignored. */
  onAnswer(replica: ActorName, message: Extract<FromReplica, { call: number }>): void {
    const asked = this.#calls.get(message.call)
    if (asked === undefined || asked.replica !== replica) return
    const resync = this.#running.get(asked.partition)
    if (message.type === 'found') {
      this.#calls.delete(message.call)
      resync?.onFound(message.call, message.copies)
    } else {
      if (!message.more) this.#calls.delete(message.call)
      resync?.onDigest(message.call, message.entries, message.more)
    }
  }

  #mayCall(): boolean {
    return this.#calls.size === 0 || !this.#effects.areLookupsBusy()
  }

  #effectsFor(partition: Partition): ResyncEffects {
    const { nextCall, send, enqueue, onceAcknowledged, hasRoom, settled } = this.#effects
    return {
      call: (replica, message) => {
        const call = nextCall()
        this.#calls.set(call, { replica, partition })
        send(replica, message(call))
        return call
      },
      enqueue,
      onceAcknowledged,
      hasRoom: () => hasRoom() && this.#mayCall(),
      settled: report => {
        this.#running.delete(partition)
        settled(report)
      },
    }
  }
}
