import { open as openFile, readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import t, { type Test } from 'tap'
import type { Partition, SessionId } from '../../../lib/replication/ids.js'
import { openLmdbStore } from '../../../lib/session-server/stores/lmdb.js'
import { SmallDisk } from '../../support/mounts.js'
import { copyOf } from '../copy-store-tests.js'
import { LmdbChild } from './lmdb-child.js'

const P1 = 1 as Partition
const S1 = 's1' as SessionId
const MARK = 'a text that can be found in the file'

/** A folder with a store of session server a in it, closed, with everything in its place. */
async function filled(t: Test): Promise<{ readonly path: string; readonly data: string }> {
  const path = t.testdir()
  await fill(path)
  return { path, data: join(path, 'data.mdb') }
}

async function fill(path: string): Promise<void> {
  const store = await openLmdbStore(path, 'a')
  for (let index = 0; index < 300; index++) store.set(copyOf(`s${index}`, MARK.repeat(10)), P1)
  await store.compact()
  await store.close()
}

/** Refused with this code, and the file is as it was. */
async function refused(t: Test, path: string, code: string, name = 'a'): Promise<void> {
  const data = join(path, 'data.mdb')
  const before = await readFile(data)
  await t.rejects(openLmdbStore(path, name), { code })
  t.ok(before.equals(await readFile(data)), 'nothing was changed')
}

/** Writes bytes over those of a file. */
async function overwrite(file: string, position: number, bytes: Uint8Array): Promise<void> {
  const handle = await openFile(file, 'r+')
  await handle.write(bytes, 0, bytes.length, position)
  await handle.close()
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

t.test('only its user may read the file', async t => {
  const { path } = await filled(t)
  const files = await readdir(path)
  t.ok(files.length > 2)
  for (const file of files) t.equal((await stat(join(path, file))).mode & 0o077, 0, file)
})

t.test('a path that is a file, or leads through one, is refused', async t => {
  const folder = t.testdir({ file: 'not a folder' })
  await t.rejects(openLmdbStore(join(folder, 'file'), 'a'), { code: 'STORE_UNWRITABLE' })
  await t.rejects(openLmdbStore(join(folder, 'file', 'a'), 'a'), { code: 'STORE_UNWRITABLE' })
  t.equal(await readFile(join(folder, 'file'), 'utf8'), 'not a folder')
})

t.test('a folder that is mounted read-only is refused', async t => {
  const disk = SmallDisk.mount(t, '4m')
  if (disk === null) {
    t.plan(0, 'this user may not mount')
    return
  }
  await fill(disk.path)
  disk.remount('ro')
  await refused(t, disk.path, 'STORE_UNWRITABLE')
  await t.rejects(openLmdbStore(join(disk.path, 'new'), 'a'), { code: 'STORE_UNWRITABLE' })
})

t.test('a file that LMDB did not write is refused and left alone', async t => {
  for (const content of ['short', 'long '.repeat(10_000)]) {
    const path = t.testdir({ 'data.mdb': content })
    await refused(t, path, 'STORE_CORRUPT')
  }
})

t.test('a file of which the end is missing is refused and left alone', async t => {
  for (const keep of [0.9, 0.5, 0.1]) {
    const { path, data } = await filled(t)
    await truncate(data, Math.floor(((await stat(data)).size * keep) / 4096) * 4096)
    await refused(t, path, 'STORE_CORRUPT')
  }
})

t.test('a file whose second page is damaged is refused and left alone', async t => {
  const { path, data } = await filled(t)
  await overwrite(data, 4096 + 24, Buffer.alloc(100, 7))
  await refused(t, path, 'STORE_CORRUPT')
})

t.test('a file that is shorter than it says, but lacks nothing, is opened', async t => {
  const { path, data } = await filled(t)
  for (const page of [0, 1]) {
    const last = (await readFile(data)).readUInt32LE(page * 4096 + 144)
    await overwrite(data, page * 4096 + 144, uint32(last + 3))
  }
  const store = await openLmdbStore(path, 'a')
  t.teardown(() => store.close())
  t.equal(store.get(S1, P1)?.data, MARK.repeat(10))
})

t.test('an altered copy is found when it is read', async t => {
  const { path, data } = await filled(t)
  const at = (await readFile(data)).indexOf(MARK)
  for (let position = at; position !== -1; ) {
    await overwrite(data, position, Buffer.from('A'))
    position = (await readFile(data)).indexOf(MARK)
  }
  const store = await openLmdbStore(path, 'a')
  t.teardown(() => store.close())
  t.throws(() => store.get(S1, P1), { code: 'STORE_CORRUPT' })
  t.throws(() => [...store.inPartition(P1)], { code: 'STORE_CORRUPT' })
})

t.test('a file of a newer format, of Troupe or of LMDB, is refused and left alone', async t => {
  const troupe = await filled(t)
  const root = openLmdb({ path: troupe.path, noSubdir: false, overlappingSync: false })
  await root.openDB({ name: 'store', encoding: 'string', useVersions: true }).put('format', '3', 1)
  await root.close()
  await refused(t, troupe.path, 'STORE_FORMAT')
  const lmdb = await filled(t)
  for (const page of [0, 1]) await overwrite(lmdb.data, page * 4096 + 28, uint32(3))
  await refused(t, lmdb.path, 'STORE_FORMAT')
})

t.test("somebody else's LMDB database is refused and left alone", async t => {
  const path = t.testdir()
  const root = openLmdb({ path, noSubdir: false, overlappingSync: false })
  await root.put('key', 'value')
  await root.close()
  await refused(t, path, 'STORE_FORMAT')
})

t.test('the folder of a session server of another name is refused and left alone', async t => {
  const { path } = await filled(t)
  await refused(t, path, 'STORE_OWNER', 'b')
})

t.test('a folder in use by another process is refused, until that process is gone', async t => {
  const { path } = await filled(t)
  const child = new LmdbChild(path)
  t.teardown(() => child.kill())
  await child.says(said => said.includes('open'))
  await t.rejects(openLmdbStore(path, 'a'), { code: 'STORE_LOCKED' })
  await child.kill()
  const store = await openLmdbStore(path, 'a')
  t.equal(store.get(S1, P1)?.id, S1)
  await store.close()
})

t.test('who was opened first can not write any more once another was opened', async t => {
  const { path } = await filled(t)
  const first = await openLmdbStore(path, 'a')
  const second = await openLmdbStore(path, 'a')
  second.set(copyOf('s1', 'second', 3), P1)
  await second.commit()
  first.set(copyOf('s1', 'first', 2), P1)
  await t.rejects(first.commit(), { code: 'STORE_LOCKED' })
  t.equal(second.get(S1, P1)?.data, 'second')
  await Promise.all([first.close(), second.close()])
})

t.test('a file that was made and not filled, since its process died, is filled now', async t => {
  for (const content of [{}, { 'data.mdb': '' }]) {
    const path = t.testdir(content)
    const store = await openLmdbStore(path, 'a')
    t.equal(store.stats().sessions, 0)
    await store.close()
  }
  const path = t.testdir()
  const root = openLmdb({ path, noSubdir: false, overlappingSync: false })
  await root.close()
  await writeFile(join(path, 'notes.txt'), 'is nobody’s business')
  const store = await openLmdbStore(path, 'a')
  await store.close()
})
