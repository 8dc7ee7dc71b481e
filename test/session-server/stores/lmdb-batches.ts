/** Numbered batches of mutations, of which a test can say afterwards whether a store holds them. */
import type { Mutation } from '../../../lib/replication/copy.js'
import type { CopyStore } from '../../../lib/replication/copy-store.js'
import { type Epoch, partitionOf, type SessionId, type Version } from '../../../lib/replication/ids.js'
import type { ToReplica } from '../../../lib/replication/messages.js'

/** Sessions changed by each batch. */
const PER_BATCH = 40
/** All sessions there are: each comes around again after so many batches. */
const ROUND = 50

/** @returns batch number `batch`: its mutations have that number as their version */
export function batchOf(batch: number): Extract<ToReplica, { type: 'apply' }> {
  const mutations = idsOf(batch).map(
    (id): Mutation => ({
      id,
      partition: partitionOf(id),
      epoch: 1 as Epoch,
      authority: 1 as Epoch,
      version: batch as Version,
      expires: 1e15 + batch * 60_000,
      data: JSON.stringify({ batch, filling: 'x'.repeat(400) }),
    }),
  )
  return { type: 'apply', batch, mutations }
}

/** @returns the first batch up to `last` of which the store has lost something, or null */
export function firstLost(store: CopyStore, last: number): number | null {
  for (let batch = Math.max(1, last - ROUND + 1); batch <= last; batch++) {
    const isLost = (id: SessionId): boolean => (store.get(id, partitionOf(id))?.version ?? 0) < batch
    if (idsOf(batch).some(isLost)) return batch
  }
  return null
}

function idsOf(batch: number): SessionId[] {
  return Array.from(
    { length: PER_BATCH },
    (_, index) => `s${(batch % ROUND) * PER_BATCH + index}` as SessionId,
  )
}
