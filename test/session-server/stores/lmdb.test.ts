import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Epoch, Partition, SessionId } from '../../../lib/replication/ids.js'
import type { DurableStore } from '../../../lib/session-server/stores/durable-store.js'
import { openLmdbStore } from '../../../lib/session-server/stores/lmdb.js'
import { copyOf, copyStoreTests } from '../copy-store-tests.js'

const P1 = 1 as Partition
const S1 = 's1' as SessionId

async function open(t: Test, path: string, name = 'a'): Promise<DurableStore> {
  const store = await openLmdbStore(path, name)
  t.teardown(() => store.close())
  return store
}

/** A store in a folder that is not there yet. */
function fresh(t: Test): Promise<DurableStore> {
  return open(t, join(t.testdir(), 'new', 'folder'))
}

const commit = (store: DurableStore): Promise<void> => store.commit()
const compact = (store: DurableStore): Promise<void> => store.compact()

t.test('lmdb, what is not committed', async t => copyStoreTests(t, { make: fresh, save: compact }))

t.test('lmdb, what is in the journal', async t =>
  copyStoreTests(t, { make: fresh, settle: commit, save: compact }),
)

t.test('lmdb, what is in its place', async t =>
  copyStoreTests(t, { make: fresh, settle: compact, save: compact }),
)

t.test('lmdb, what is on its way from the journal to its place', async t => {
  let underWay = Promise.resolve()
  copyStoreTests<DurableStore>(t, {
    make: fresh,
    settle: async store => {
      await underWay
      underWay = store.compact()
    },
    save: async store => {
      await underWay
      await store.compact()
    },
  })
})

t.test('what was committed is there after the store was closed and opened again, and only that', async t => {
  const path = t.testdir()
  const store = await openLmdbStore(path, 'a')
  store.set(copyOf('s1', '{"name":"Zoë"}', 7), P1)
  store.set(copyOf('s2', null, 3), P1)
  store.raiseFence(P1, 9 as Epoch)
  await store.commit()
  store.set(copyOf('s1', 'never committed', 8), P1)
  store.raiseFence(P1, 10 as Epoch)
  await store.close()
  const again = await open(t, path)
  t.strictSame(again.get(S1, P1), copyOf('s1', '{"name":"Zoë"}', 7))
  t.strictSame(again.get('s2' as SessionId, P1), copyOf('s2', null, 3))
  t.equal(again.fence(P1), 9)
  t.strictSame(again.stats(), { partitions: 1, sessions: 1, tombstones: 1, bytes: 15 })
})

t.test('a session is in the expiry index once, however often it was changed', async t => {
  const store = await fresh(t)
  const now = 1_000_000_000
  for (let version = 1; version <= 5; version++) {
    store.set({ ...copyOf('s1', '{}', version), expires: now + version * 20_000 }, P1)
    store.set({ ...copyOf('s2', '{}', version), expires: now }, P1)
    if (version % 2 === 0) await store.compact()
  }
  await store.compact()
  t.strictSame([...store.expired(now + 99_000)], [{ id: 's2', partition: P1 }])
  t.strictSame([...store.expired(now + 110_000)].map(({ id }) => id).sort(), ['s1', 's2'])
})

t.test('a sweep is bounded, and goes on where there is more', async t => {
  const store = await fresh(t)
  for (let index = 0; index < 2500; index++) {
    store.set({ ...copyOf(`s${index}`), expires: 1000 }, (index % 1024) as Partition)
  }
  await store.compact()
  const sweep = (): number => {
    const expired = [...store.expired(Date.now())]
    for (const { id, partition } of expired) store.delete(id, partition)
    return expired.length
  }
  t.strictSame([sweep(), sweep(), sweep()], [1000, 1000, 500])
  // What was deleted is in the index until the journal is compacted, and does not count.
  t.strictSame([sweep(), sweep(), sweep()], [0, 0, 0])
  t.equal(store.stats().sessions, 0)
})

t.test('a session as large as any is read as it was written', async t => {
  const store = await fresh(t)
  const data = JSON.stringify({ text: 'ü'.repeat(4_000_000) })
  store.set(copyOf('s1', data), P1)
  await store.commit()
  t.ok(store.get(S1, P1)?.data === data)
  t.equal([...store.inPartition(P1)].length, 1)
})

t.test('many mutations at once are one commit', async t => {
  const path = t.testdir()
  const store = await openLmdbStore(path, 'a')
  for (let index = 0; index < 20_000; index++) {
    store.set(copyOf(`session ${index}`, JSON.stringify({ index })), (index % 1024) as Partition)
  }
  await store.commit()
  await store.close()
  const again = await open(t, path)
  t.match(again.stats(), { partitions: 1024, sessions: 20_000 })
  t.equal(again.get('session 1025' as SessionId, P1)?.data, '{"index":1025}')
})
