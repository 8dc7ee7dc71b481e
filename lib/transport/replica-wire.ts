/** The wire forms of `replication/messages.ts`: batches of mutations are flat, and so are their acknowledgements. */
import type { Mutation } from '../replication/copy.js'
import type { FromReplica, ToReplica } from '../replication/messages.js'
import type { BatchReader, WireForm } from './wire-form.js'

/** First value of each message. */
const AS_OBJECT = 0
const APPLY = 1
const APPLIED = 1

/** Owner → replica. */
const toReplicaForm: WireForm<ToReplica> = {
  write(message, batch) {
    if (message.type !== 'apply') {
      batch.push(AS_OBJECT, message)
      return
    }
    batch.push(APPLY, message.batch, message.mutations.length)
    for (const { id, partition, epoch, version, expires, data, authority } of message.mutations) {
      batch.push(id, partition, epoch, version, expires, data, authority)
    }
  },
  read(batch) {
    if (batch.next() !== APPLY) return batch.next()
    const number = batch.next<number>()
    const mutations: Mutation[] = []
    for (let left = batch.next<number>(); left > 0 && !batch.done; left--) mutations.push(readMutation(batch))
    return { type: 'apply', batch: number, mutations }
  },
}

function readMutation(batch: BatchReader): Mutation {
  return {
    id: batch.next(),
    partition: batch.next(),
    epoch: batch.next(),
    version: batch.next(),
    expires: batch.next(),
    data: batch.next(),
    authority: batch.next(),
  }
}

/** Replica → owner. */
const fromReplicaForm: WireForm<FromReplica> = {
  write(message, batch) {
    if (message.type === 'applied' && message.fenced.length === 0) batch.push(APPLIED, message.batch)
    else batch.push(AS_OBJECT, message)
  },
  read(batch) {
    return batch.next() === APPLIED ? { type: 'applied', batch: batch.next(), fenced: NONE } : batch.next()
  },
}

const NONE: readonly never[] = []

/** At the owner's end. */
export const OWNER_FORMS = { incoming: fromReplicaForm, outgoing: toReplicaForm }
/** At the replica's end. */
export const REPLICA_FORMS = { incoming: toReplicaForm, outgoing: fromReplicaForm }
