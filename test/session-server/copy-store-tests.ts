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

/** A store under test. */
export interface CopyStoreSubject<S extends CopyStore = CopyStore> {
  /** Makes an empty store. */
  make(t: Test): S | Promise<S>
  /** Called between what a test changes and what it looks at: a store that commits may do so, or not. */
  settle?(store: S): Promise<void>
  /** Called before a test looks for expired copies: a store may find only those that it has saved. */
  save?(store: S): Promise<void>
}

/** What every store must do. */
export function copyStoreTests<S extends CopyStore>(t: Test, subject: CopyStoreSubject<S>): void {
  const settle = async (store: S): Promise<void> => await subject.settle?.(store)

  t.test('a copy is read back as it was set, and the last one set counts', async t => {
    const store = await subject.make(t)
    t.equal(store.get('s1' as SessionId, P1), undefined)
    store.set(copyOf('s1', '{"a":1}'), P1)
    await settle(store)
    store.set(copyOf('s1', '{"a":2}', 2), P1)
    await settle(store)
    t.strictSame(store.get('s1' as SessionId, P1), copyOf('s1', '{"a":2}', 2))
    t.equal(store.get('s1' as SessionId, P2), undefined)
  })

  t.test('a deleted copy is gone, and deleting what is not there does nothing', async t => {
    const store = await subject.make(t)
    store.set(copyOf('s1'), P1)
    await settle(store)
    store.delete('s1' as SessionId, P2)
    store.delete('s2' as SessionId, P1)
    t.ok(store.get('s1' as SessionId, P1))
    store.delete('s1' as SessionId, P1)
    await settle(store)
    t.equal(store.get('s1' as SessionId, P1), undefined)
    t.strictSame([...store.inPartition(P1)], [])
  })

  t.test('a partition lists its copies, tombstones included, and no others', async t => {
    const store = await subject.make(t)
    for (const copy of [copyOf('s1'), copyOf('s2', null)]) store.set(copy, P1)
    store.set(copyOf('s3'), P2)
    await settle(store)
    const ids = [...store.inPartition(P1)].map(copy => copy.id).sort()
    t.strictSame(ids, ['s1', 's2'])
    t.strictSame([...store.inPartition(3 as Partition)], [])
  })

  t.test('copies may be deleted while their partition is listed', async t => {
    const store = await subject.make(t)
    const ids = Array.from({ length: 100 }, (_, index) => `s${index}`)
    for (const id of ids) store.set(copyOf(id), P1)
    await settle(store)
    const seen: string[] = []
    for (const copy of store.inPartition(P1)) {
      seen.push(copy.id)
      store.delete(copy.id, P1)
    }
    t.strictSame(seen.sort(), ids.sort())
    await settle(store)
    t.strictSame([...store.inPartition(P1)], [])
    t.equal(store.stats().sessions, 0)
  })

  t.test('a fence begins at 0, only rises, and outlives the copies of its partition', async t => {
    const store = await subject.make(t)
    t.equal(store.fence(P1), 0)
    store.set(copyOf('s1'), P1)
    store.raiseFence(P1, 5 as Epoch)
    store.raiseFence(P1, 3 as Epoch)
    store.delete('s1' as SessionId, P1)
    await settle(store)
    t.equal(store.fence(P1), 5)
    t.equal(store.fence(P2), 0)
  })

  t.test('the counters follow every change: partitions, sessions, tombstones, bytes of data', async t => {
    const store = await subject.make(t)
    store.set(copyOf('s1', 'x'.repeat(10)), P1)
    store.set(copyOf('s2', 'é'), P1)
    store.set(copyOf('s3', null), P2)
    await settle(store)
    t.strictSame(store.stats(), { partitions: 2, sessions: 2, tombstones: 1, bytes: 12 })
    store.set(copyOf('s1', null, 2), P1)
    t.strictSame(store.stats(), { partitions: 2, sessions: 1, tombstones: 2, bytes: 2 })
    store.delete('s3' as SessionId, P2)
    store.delete('s2' as SessionId, P1)
    t.strictSame(store.stats(), { partitions: 1, sessions: 0, tombstones: 1, bytes: 0 })
  })

  t.test('expired copies and tombstones are found, bit by bit, and no others', async t => {
    const store = await subject.make(t)
    const now = 1_000_000_000
    const over = ['s1', 's2', 's3'].map(id => ({ ...copyOf(id), expires: now }))
    store.set({ ...copyOf('s4'), expires: now + 1 }, P1)
    store.set({ ...copyOf('s5'), expires: now - 1 }, P2)
    await settle(store)
    // One that was touched meanwhile has not expired.
    store.set({ ...copyOf('s5', '{}', 2), expires: now + 60_000 }, P2)
    for (const copy of over) store.set(copy, P2)
    store.set({ ...copyOf('s3', null, 2), expires: now }, P2)
    await subject.save?.(store)
    const found = new Set<string>()
    // More often than any store needs for a round.
    for (let sweep = 0; sweep < 1024; sweep++) {
      for (const { id, partition } of store.expired(now + 10_000 * (sweep % 2))) {
        if (partition === P2) found.add(id)
        store.delete(id, partition)
      }
    }
    t.strictSame([...found].sort(), ['s1', 's2', 's3'])
  })
}
