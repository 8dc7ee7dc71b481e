/** What every store of copies must do: run unchanged over each of them. */
import type { Test } from 'tap'
import type { SessionCopy } from '../../lib/replication/copy.js'
import type { CopyStore } from '../../lib/replication/copy-store.js'
import type { Epoch, Partition, SessionId, Version } from '../../lib/replication/ids.js'

/** @returns a copy of the session `id`; a tombstone when `data` is null */
export function copyOf(id: string, data: string | null = '{}', version = 1): SessionCopy {
  return { id: id as SessionId, epoch: 1 as Epoch, version: version as Version, expires: 1e15, data }
}

const P1 = 1 as Partition
const P2 = 2 as Partition

/** @param makeStore makes an empty store */
export function copyStoreTests(t: Test, makeStore: () => CopyStore): void {
  t.test('a copy is read back as it was set, and the last one set counts', async t => {
    const store = makeStore()
    t.equal(store.get('s1' as SessionId, P1), undefined)
    store.set(copyOf('s1', '{"a":1}'), P1)
    store.set(copyOf('s1', '{"a":2}', 2), P1)
    t.strictSame(store.get('s1' as SessionId, P1), copyOf('s1', '{"a":2}', 2))
    t.equal(store.get('s1' as SessionId, P2), undefined)
  })

  t.test('a deleted copy is gone, and deleting what is not there does nothing', async t => {
    const store = makeStore()
    store.set(copyOf('s1'), P1)
    store.delete('s1' as SessionId, P2)
    store.delete('s2' as SessionId, P1)
    t.ok(store.get('s1' as SessionId, P1))
    store.delete('s1' as SessionId, P1)
    t.equal(store.get('s1' as SessionId, P1), undefined)
    t.strictSame([...store.inPartition(P1)], [])
  })

  t.test('a partition lists its copies, tombstones included, and no others', async t => {
    const store = makeStore()
    for (const copy of [copyOf('s1'), copyOf('s2', null)]) store.set(copy, P1)
    store.set(copyOf('s3'), P2)
    const ids = [...store.inPartition(P1)].map(copy => copy.id).sort()
    t.strictSame(ids, ['s1', 's2'])
    t.strictSame([...store.inPartition(3 as Partition)], [])
  })

  t.test('copies may be deleted while their partition is listed', async t => {
    const store = makeStore()
    const ids = Array.from({ length: 100 }, (_, index) => `s${index}`)
    for (const id of ids) store.set(copyOf(id), P1)
    const seen: string[] = []
    for (const copy of store.inPartition(P1)) {
      seen.push(copy.id)
      store.delete(copy.id, P1)
    }
    t.strictSame(seen.sort(), ids.sort())
    t.equal(store.stats().sessions, 0)
  })

  t.test('a fence begins at 0, only rises, and outlives the copies of its partition', async t => {
    const store = makeStore()
    t.equal(store.fence(P1), 0)
    store.set(copyOf('s1'), P1)
    store.raiseFence(P1, 5 as Epoch)
    store.raiseFence(P1, 3 as Epoch)
    store.delete('s1' as SessionId, P1)
    t.equal(store.fence(P1), 5)
    t.equal(store.fence(P2), 0)
  })

  t.test('the counters follow every change: partitions, sessions, tombstones, bytes of data', async t => {
    const store = makeStore()
    store.set(copyOf('s1', 'x'.repeat(10)), P1)
    store.set(copyOf('s2', 'é'), P1)
    store.set(copyOf('s3', null), P2)
    t.strictSame(store.stats(), { partitions: 2, sessions: 2, tombstones: 1, bytes: 12 })
    store.set(copyOf('s1', null, 2), P1)
    t.strictSame(store.stats(), { partitions: 2, sessions: 1, tombstones: 2, bytes: 2 })
    store.delete('s3' as SessionId, P2)
    store.delete('s2' as SessionId, P1)
    t.strictSame(store.stats(), { partitions: 1, sessions: 0, tombstones: 1, bytes: 0 })
  })
}
