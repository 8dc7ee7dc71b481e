/**
 * One replica: what a session server does with each message of an owner. Fences by epoch, never goes backwards, keeps
 * a tombstone for each destroyed session (invariant 5). Pure: the store is given, the time is given.
 */
import { compareStamps, type DigestEntry, type Mutation, type SessionCopy } from './copy.js'
import type { CopyStore } from './copy-store.js'
import { type Partition, partitionOf, type SessionId } from './ids.js'
import type { Claim, FromReplica, ToReplica } from './messages.js'

/** Entries in one `digest` message: some 50 KiB, small beside what a port carries in a tick. */
const DIGEST_ENTRIES_MAX = 1000

export class Replica {
  readonly #store: CopyStore

  constructor(store: CopyStore) {
    this.#store = store
  }

  /** @param now ms since the Unix epoch @returns the answers to the sender, in order */
  onMessage(message: ToReplica, now: number): readonly FromReplica[] {
    switch (message.type) {
      case 'claim':
        for (const claim of message.claims) this.#raiseFence(claim)
        return []
      case 'apply':
        return [{ type: 'applied', batch: message.batch, fenced: this.#apply(message.mutations) }]
      case 'read':
        return [{ type: 'found', call: message.call, copies: message.ids.map(id => this.#read(id, now)) }]
      case 'list':
        return this.#list(message.call, message.partition, now)
      case 'forget':
        this.#forget(message.claim)
        return []
      default:
        message satisfies never
        return []
    }
  }

  /** Removes some of the expired copies and tombstones. @param now ms since the Unix epoch */
  onTick(now: number): void {
    for (const { id, partition } of this.#store.expired(now)) this.#store.delete(id, partition)
  }

  /** @returns the fences of those partitions of which a mutation was refused */
  #apply(mutations: readonly Mutation[]): readonly Claim[] {
    const refused = new Set<Partition>()
    for (const mutation of mutations) {
      if (!this.#applyOne(mutation)) refused.add(mutation.partition)
    }
    return Array.from(refused, partition => ({ partition, epoch: this.#store.fence(partition) }))
  }

  /** @returns false when the sender's epoch is over */
  #applyOne(mutation: Mutation): boolean {
    const { partition, id, epoch, version, expires, data } = mutation
    const fence = this.#store.fence(partition)
    if (mutation.authority < fence) return false
    if (mutation.authority > fence) this.#store.raiseFence(partition, mutation.authority)
    const held = this.#store.stampOf(id, partition)
    if (held === undefined || compareStamps(mutation, held) > 0) {
      this.#store.set({ id, epoch, version, expires, data }, partition)
    }
    return true
  }

  /** An expired copy is as good as none, whether or not the sweep has come by. */
  #read(id: SessionId, now: number): SessionCopy | null {
    const copy = this.#store.get(id, partitionOf(id))
    return copy === undefined || copy.expires <= now ? null : copy
  }

  #list(call: number, partition: Partition, now: number): readonly FromReplica[] {
    const entries: DigestEntry[] = []
    for (const { id, epoch, version, expires } of this.#store.list(partition)) {
      if (expires > now) entries.push({ id, epoch, version })
    }
    const answers: FromReplica[] = []
    let from = 0
    do {
      const part = entries.slice(from, from + DIGEST_ENTRIES_MAX)
      from += DIGEST_ENTRIES_MAX
      answers.push({ type: 'digest', call, entries: part, more: from < entries.length })
    } while (from < entries.length)
    return answers
  }

  #forget(claim: Claim): void {
    if (claim.epoch < this.#store.fence(claim.partition)) return
    this.#raiseFence(claim)
    for (const { id } of this.#store.list(claim.partition)) this.#store.delete(id, claim.partition)
  }

  #raiseFence(claim: Claim): void {
    if (claim.epoch > this.#store.fence(claim.partition)) this.#store.raiseFence(claim.partition, claim.epoch)
  }
}
