import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import t, { type Test } from 'tap'
import type { Epoch, Partition, SessionId } from '../../../lib/replication/ids.js'
import { openLmdbStore } from '../../../lib/session-server/stores/lmdb.js'
import { copyOf } from '../copy-store-tests.js'

const P1 = 1 as Partition
const S1 = 's1' as SessionId
const PAGE_BYTES = 4096

/** A folder with a closed store in it, whose journal has this many records; each sets s1 to its number. */
async function journaled(t: Test, records: number): Promise<string> {
  const path = t.testdir()
  const store = await openLmdbStore(path, 'a')
  for (let record = 1; record <= records; record++) {
    store.set(copyOf('s1', String(record), record), P1)
    await store.commit()
  }
  await store.close()
  return path
}

/** The files of the journal, by name, without those that are empty. */
async function journalOf(path: string): Promise<Map<string, Buffer>> {
  const files = new Map<string, Buffer>()
  for (const file of (await readdir(path)).filter(name => name.startsWith('journal.'))) {
    const content = await readFile(join(path, file))
    if (content.length > 0) files.set(join(path, file), content)
  }
  return files
}

/** Alters a byte of a record of the only file of a journal. @param record from 0; negative from the end */
async function damage(path: string, record: number): Promise<void> {
  const [[file, content] = ['', Buffer.alloc(0)], ...others] = await journalOf(path)
  if (others.length > 0) throw new Error('the journal has several files')
  const records = content.findLastIndex(byte => byte !== 0) / PAGE_BYTES
  const at = (record < 0 ? Math.ceil(records) + record : record) * PAGE_BYTES
  content[at + 40] = (content[at + 40] ?? 0) ^ 1
  await writeFile(file, content)
}

t.test('all that a journal can say is there after the store was opened again, once and twice', async t => {
  const path = t.testdir()
  const store = await openLmdbStore(path, 'a')
  store.set(copyOf('s1', '{}'), P1)
  store.set(copyOf('s2', '{"name":"Zo\u00eb \u{1f600}"}'), P1)
  store.set(copyOf('s3', '{"a":1}'), P1)
  await store.compact()
  store.delete(S1, P1)
  store.set(copyOf('s\u00fc4', null, 4), P1)
  store.set(copyOf('s3', '{"a":2}', 5), P1)
  store.raiseFence(P1, 7 as Epoch)
  await store.commit()
  await store.close()
  for (let opening = 0; opening < 2; opening++) {
    const again = await openLmdbStore(path, 'a')
    const copies = [...again.inPartition(P1)].sort((a, b) => a.version - b.version)
    t.strictSame(copies, [
      copyOf('s2', '{"name":"Zo\u00eb \u{1f600}"}'),
      copyOf('s\u00fc4', null, 4),
      copyOf('s3', '{"a":2}', 5),
    ])
    t.equal(again.fence(P1), 7)
    t.strictSame(again.stats(), { partitions: 1, sessions: 2, tombstones: 1, bytes: 27 })
    await again.close()
  }
})

t.test('a journal with a damaged record before others is refused and left alone', async t => {
  for (const record of [0, 1]) {
    const path = await journaled(t, 3)
    await damage(path, record)
    const [journal, data] = [await journalOf(path), await readFile(join(path, 'data.mdb'))]
    await t.rejects(openLmdbStore(path, 'a'), { code: 'STORE_CORRUPT' })
    t.strictSame(await journalOf(path), journal)
    t.ok(data.equals(await readFile(join(path, 'data.mdb'))), 'nothing was changed')
  }
})

t.test('the last record, when its write was broken off, is as if it had never been begun', async t => {
  const path = await journaled(t, 3)
  await damage(path, -1)
  const store = await openLmdbStore(path, 'a')
  t.equal(store.get(S1, P1)?.data, '2')
  store.set(copyOf('s1', 'after that', 4), P1)
  await store.commit()
  await store.close()
  const again = await openLmdbStore(path, 'a')
  t.equal(again.get(S1, P1)?.data, 'after that')
  await again.close()
})

t.test('a journal takes no more room than what is not in its place, however long it runs', async t => {
  const path = t.testdir()
  const store = await openLmdbStore(path, 'a')
  const text = 'x'.repeat(500_000)
  for (let round = 1; round <= 6; round++) {
    for (let commit = 0; commit < 4; commit++) {
      store.set(copyOf('s1', text + round + commit, 10 * round + commit), P1)
      await store.commit()
    }
    await store.compact()
  }
  const bytes = [...(await journalOf(path)).values()].reduce((sum, { length }) => sum + length, 0)
  t.ok(bytes < 6_000_000, `${bytes} bytes`)
  await store.close()
})

t.test('a commit waits for a compaction once the journal is long', async t => {
  const store = await openLmdbStore(t.testdir(), 'a')
  t.teardown(() => store.close())
  for (let index = 0; index < 3000; index++) store.set(copyOf(`s${index}`), (index % 1024) as Partition)
  let isCompacted = false
  const compacting = store.compact().then(() => {
    isCompacted = true
  })
  const text = 'x'.repeat(6_000_000)
  let commits = 0
  while (!isCompacted) {
    store.set(copyOf('s1', text + commits, 2 + commits), P1)
    await store.commit()
    commits++
  }
  await compacting
  t.equal(commits, 4)
  t.ok(store.isCompactionDue(0))
})

t.test(
  'a store of the format without a journal is opened, goes on, and is of the present format then',
  async t => {
    const path = t.testdir()
    const store = await openLmdbStore(path, 'a')
    store.set(copyOf('s1', '{"old":true}'), P1)
    store.raiseFence(P1, 3 as Epoch)
    await store.compact()
    await store.close()
    for (const file of (await journalOf(path)).keys()) await rm(file)
    const file = openLmdb({ path, noSubdir: false, overlappingSync: false })
    const meta = file.openDB<string, string>({ name: 'store', encoding: 'string', useVersions: true })
    await meta.remove('placed')
    await meta.put('format', '1', 1)
    t.strictSame([...meta.getKeys()].sort(), ['format', 'generation', 'name'])
    await file.close()

    const again = await openLmdbStore(path, 'a')
    t.equal(again.get(S1, P1)?.data, '{"old":true}')
    t.equal(again.fence(P1), 3)
    again.set(copyOf('s1', '{"old":false}', 2), P1)
    await again.commit()
    await again.close()
    const third = await openLmdbStore(path, 'a')
    t.equal(third.get(S1, P1)?.data, '{"old":false}')
    await third.close()
    const reopened = openLmdb({ path, noSubdir: false, overlappingSync: false })
    t.equal(reopened.openDB({ name: 'store', encoding: 'string', useVersions: true }).get('format'), '2')
    await reopened.close()
  },
)
