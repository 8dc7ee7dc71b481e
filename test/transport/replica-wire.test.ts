import t from 'tap'
import type { Epoch, Partition, SessionId, Version } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { OWNER_FORMS, REPLICA_FORMS } from '../../lib/transport/replica-wire.js'
import { BatchReader, type WireForm } from '../../lib/transport/wire-form.js'

const copy = { id: 's1' as SessionId, epoch: 2 as Epoch, version: 3 as Version, expires: 4, data: '{"a":1}' }
const claim = { partition: 5 as Partition, epoch: 6 as Epoch }
const mutation = { ...copy, partition: claim.partition, authority: claim.epoch }

const TO_REPLICA: readonly ToReplica[] = [
  { type: 'claim', claims: [claim] },
  { type: 'apply', batch: 1, mutations: [mutation, { ...mutation, data: null }] },
  { type: 'apply', batch: 2, mutations: [] },
  { type: 'read', call: 3, ids: ['s1', 's2'] as SessionId[] },
  { type: 'read', call: 4, ids: [] },
  { type: 'list', call: 5, partition: claim.partition },
  { type: 'forget', claim },
]

const FROM_REPLICA: readonly FromReplica[] = [
  { type: 'applied', batch: 1, fenced: [] },
  { type: 'applied', batch: 2, fenced: [claim] },
  { type: 'found', call: 3, copies: [null, copy, { ...copy, data: null }, null] },
  { type: 'found', call: 4, copies: [] },
  {
    type: 'digest',
    call: 5,
    entries: [{ id: copy.id, epoch: copy.epoch, version: copy.version }],
    more: true,
  },
  { type: 'digest', call: 5, entries: [], more: false },
]

/** Writes all of them into one batch, has it cloned as a port does, and reads it. */
function across<Message>(out: WireForm<Message>, into: WireForm<Message>, messages: readonly Message[]) {
  const batch: unknown[] = []
  for (const message of messages) out.write(message, batch)
  const reader = new BatchReader(structuredClone(batch))
  const read: Message[] = []
  while (!reader.done) read.push(into.read(reader))
  return read
}

t.test('every message of an owner comes out of a batch as it went in', async t => {
  t.strictSame(across(OWNER_FORMS.outgoing, REPLICA_FORMS.incoming, TO_REPLICA), TO_REPLICA)
})

t.test('every message of a replica comes out of a batch as it went in', async t => {
  t.strictSame(across(REPLICA_FORMS.outgoing, OWNER_FORMS.incoming, FROM_REPLICA), FROM_REPLICA)
})

t.test('a message that promises more than its batch holds ends with the batch', async t => {
  for (const first of [1, 2, 3]) {
    for (const { incoming } of [OWNER_FORMS, REPLICA_FORMS]) {
      const reader = new BatchReader([first, 1, 1_000_000_000, 1_000_000_000, 'an id and nothing else'])
      while (!reader.done) incoming.read(reader)
      t.ok(reader.done)
    }
  }
})
