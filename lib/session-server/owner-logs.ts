/**
 * A replica's end of the logs that it shares with the owners in its process (`transport/mutation-log.ts`). The rule that
 * makes an appended mutation a held one: before the replica does anything that another owner asks for, it shows the new
 * fences to all, and takes out of every log what was appended under earlier ones. No clock, no I/O.
 */
import type { Mutation } from '../replication/copy.js'
import { type ActorName, ALL_PARTITIONS, type Epoch } from '../replication/ids.js'
import type { ToReplica } from '../replication/messages.js'
import { createFenceBoard, FenceBoard } from '../transport/fence-board.js'
import { createMutationLog, MutationLogReader } from '../transport/mutation-log.js'

export class OwnerLogs {
  /** What each owner is given beside its log. */
  readonly boardMemory = createFenceBoard()
  readonly #board = new FenceBoard(this.boardMemory)
  readonly #readers = new Map<ActorName, MutationLogReader>()
  readonly #apply: (mutations: readonly Mutation[]) => void

  /**
   * @param fences of the replica, by number of partition
   * @param apply gives mutations to the replica
   */
  constructor(fences: readonly Epoch[], apply: (mutations: readonly Mutation[]) => void) {
    this.#apply = apply
    for (const partition of ALL_PARTITIONS) this.#board.raise(partition, fences[partition] ?? (0 as Epoch))
  }

  /**
   * @param bytes see {@link createMutationLog}
   * @returns the memory of a new log
   */
  open(owner: ActorName, bytes?: number): SharedArrayBuffer {
    this.close(owner)
    const memory = createMutationLog(bytes)
    this.#readers.set(owner, new MutationLogReader(memory))
    return memory
  }

  /** An owner has gone: what it left is taken out, and it has no log any more. */
  close(owner: ActorName): void {
    const reader = this.#readers.get(owner)
    if (reader === undefined) return
    reader.close()
    this.take()
    this.#readers.delete(owner)
  }

  /** To be called before the replica handles a message. */
  before(message: ToReplica): void {
    switch (message.type) {
      case 'claim':
        for (const { partition, epoch } of message.claims) this.#board.raise(partition, epoch)
        break
      case 'apply':
        for (const { partition, authority } of message.mutations) this.#board.raise(partition, authority)
        break
      case 'forget':
        this.#board.raise(message.claim.partition, message.claim.epoch)
        break
    }
    this.take()
  }

  /** Applies what is in the logs. @returns whether there was anything */
  take(): boolean {
    const mutations: Mutation[] = []
    this.#collect(mutations)
    if (mutations.length === 0) return false
    // An owner may write before its claim has come: what it wrote fences all others, which are asked again.
    for (let known = 0; this.#raise(mutations, known); ) {
      known = mutations.length
      this.#collect(mutations)
    }
    inOrderOfOwners(mutations)
    this.#apply(mutations)
    return true
  }

  #collect(mutations: Mutation[]): void {
    for (const reader of this.#readers.values()) reader.take(mutations)
  }

  /** @returns whether any of the mutations from there on is of a later owner than was known */
  #raise(mutations: readonly Mutation[], from: number): boolean {
    let hasRaised = false
    for (let index = from; index < mutations.length; index++) {
      const mutation = mutations[index]
      if (mutation !== undefined && this.#board.raise(mutation.partition, mutation.authority))
        hasRaised = true
    }
    return hasRaised
  }

  /** The replica looks at its logs no more until it is woken. @returns false when something has come meanwhile */
  sleep(): boolean {
    this.#board.sleep()
    if (!this.take()) return true
    this.#board.wake()
    return false
  }
}

/** Those of earlier owners first, since the replica fences by what it takes. */
function inOrderOfOwners(mutations: Mutation[]): void {
  const authority = mutations[0]?.authority
  if (mutations.some(mutation => mutation.authority !== authority)) {
    mutations.sort((a, b) => a.authority - b.authority)
  }
}
