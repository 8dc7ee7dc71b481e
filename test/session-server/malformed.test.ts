import t from 'tap'
import { isToReplica } from '../../lib/session-server/malformed.js'

const mutation = { id: 'a', partition: 3, epoch: 1, version: 1, authority: 1, expires: 5, data: '{}' }

t.test('every message of an owner is well formed', async t => {
  for (const message of [
    { type: 'claim', claims: [{ partition: 0, epoch: 1 }] },
    { type: 'apply', batch: 0, mutations: [mutation, { ...mutation, data: null }] },
    { type: 'read', call: 1, ids: ['a', 'b'] },
    { type: 'list', call: 1, partition: 1023 },
    { type: 'forget', claim: { partition: 1, epoch: 2 } },
  ]) {
    t.ok(isToReplica(message), message.type)
  }
})

t.test('anything else is not', async t => {
  const apply = (change: object): unknown => ({
    type: 'apply',
    batch: 1,
    mutations: [{ ...mutation, ...change }],
  })
  for (const message of [
    undefined,
    null,
    'apply',
    [],
    {},
    { type: 'unknown' },
    { type: 'claim' },
    { type: 'claim', claims: [null] },
    { type: 'claim', claims: [{ partition: 1024, epoch: 1 }] },
    { type: 'apply', batch: 'one', mutations: [] },
    { type: 'apply', batch: 1, mutations: {} },
    apply({ id: 7 }),
    apply({ id: 'x'.repeat(257) }),
    { type: 'read', call: 1, ids: ['x'.repeat(257)] },
    apply({ partition: -1 }),
    apply({ partition: 1.5 }),
    apply({ epoch: Number.NaN }),
    apply({ version: '1' }),
    apply({ authority: undefined }),
    apply({ expires: Number.POSITIVE_INFINITY }),
    apply({ data: { a: 1 } }),
    { type: 'read', call: 1, ids: 'a' },
    { type: 'list', call: 1, partition: null },
    { type: 'forget', claim: 3 },
  ]) {
    t.notOk(isToReplica(message), JSON.stringify(message))
  }
})
