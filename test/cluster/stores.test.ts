/** A session server whose disk can't be used: the others serve meanwhile, and it is back once the disk is mended. */
import { readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { open as openLmdb } from 'lmdb'
import t, { type Test } from 'tap'
import { partitionOf, type SessionId } from '../../lib/replication/ids.js'
import { openLmdbStore } from '../../lib/session-server/stores/lmdb.js'
import { copyOf } from '../session-server/copy-store-tests.js'
import { LmdbChild } from '../session-server/stores/lmdb-child.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { SmallDisk } from '../support/mounts.js'
import { until } from '../support/until.js'
import { Crowd } from '../support/visitor.js'

const VISITORS = 40

/** A disk that is not as it should be. */
interface BadDisk {
  /** The folder of session server a. */
  readonly path: string
  /** What the log must say. */
  readonly code: string
  /** What an operator does about it. */
  mend(): unknown
}

t.test('a damaged file', async t => {
  const path = join(t.testdir({ a: { 'data.mdb': 'no copies of sessions '.repeat(10_000) } }), 'a')
  await servesWithout(t, { path, code: 'STORE_CORRUPT', mend: () => moveAway(path) })
})

t.test('a file of a newer format', async t => {
  const path = join(t.testdir(), 'a')
  await fill(path)
  const root = openLmdb({ path, noSubdir: false, overlappingSync: false })
  await root.openDB({ name: 'store', encoding: 'string', useVersions: true }).put('format', '3', 1)
  await root.close()
  await servesWithout(t, { path, code: 'STORE_FORMAT', mend: () => moveAway(path) })
})

t.test('a disk that is mounted read-only', async t => {
  t.testdir()
  const disk = SmallDisk.mount(t, '16m')
  if (disk === null) return t.plan(0, 'this user may not mount')
  await fill(disk.path)
  disk.remount('ro')
  await servesWithout(t, { path: disk.path, code: 'STORE_UNWRITABLE', mend: () => disk.remount('rw') })
})

t.test('a file in use by another process', async t => {
  const path = join(t.testdir(), 'a')
  await fill(path)
  const other = new LmdbChild(path)
  t.teardown(() => other.kill())
  await other.says(said => said.includes('open'))
  await servesWithout(t, { path, code: 'STORE_LOCKED', mend: () => other.kill() })
})

t.test('a disk that fills up while it is in use', async t => {
  t.testdir()
  const disk = SmallDisk.mount(t, '6m')
  if (disk === null) return t.plan(0, 'this user may not mount')
  const cluster = await startWith(t, disk.path)
  await cluster.whole()
  const crowd = new Crowd(t, cluster.url, 400)
  t.same(await crowd.get('/big?bytes=20000'), ['200 stored'], 'nobody notices')
  const lines = await lostLines(cluster)
  t.match(lines[0], { actor: 'a', err: { code: 'STORE_FULL', message: /There is no room .* Make room/ } })
  await isLost(t, cluster)
  const data = join(disk.path, 'data.mdb')
  const before = await readFile(data)
  await until(async () => (await lostLines(cluster)).length > lines.length + 1)
  t.ok(before.equals(await readFile(data)), 'starts without room change nothing')
  t.same(await crowd.get('/'), ['200 1'])

  disk.remount('size=64m')
  await isBack(t, cluster)
  t.same(await crowd.get('/'), ['200 2'])
  t.same(await crowd.get('/whoami'), [`200 ${'x'.repeat(20_000)}`])
})

/** A cluster that starts with a bad disk, loses nothing by it, and has its copies there once it is mended. */
async function servesWithout(t: Test, { path, code, mend }: BadDisk): Promise<void> {
  const data = join(path, 'data.mdb')
  const before = await readFile(data)
  const cluster = await startWith(t, path)
  t.match(
    cluster.logged.find(({ msg }) => msg.startsWith('starts without some session servers')),
    { missing: ['a'] },
  )
  const [line] = await lostLines(cluster)
  t.match(line, { level: 50, actor: 'a', err: { code, message: new RegExp(path) } })
  await isLost(t, cluster)
  const crowd = new Crowd(t, cluster.url, VISITORS)
  t.same(await crowd.get('/'), ['200 1'])
  const tries = (await lostLines(cluster)).length
  await until(async () => (await lostLines(cluster)).length > tries)
  t.same(await crowd.get('/'), ['200 2'])
  t.ok(before.equals(await readFile(data)), 'the file is as it was, byte for byte')

  await mend()
  await isBack(t, cluster)
  t.same(await crowd.get('/'), ['200 3'])
}

async function startWith(t: Test, path: string): Promise<TestCluster> {
  return await startCluster(t, {
    startTimeout: '200ms',
    sessionServers: [
      { name: 'a', store: 'lmdb', path },
      { name: 'b', store: 'lmdb', path: join(t.testdirName, 'b') },
    ],
  })
}

/** Session server a counts as lost, and everybody can see that there is one copy instead of two. */
async function isLost(t: Test, cluster: TestCluster): Promise<void> {
  // It is looked at between two starts: during one it is `starting`, and counts no more than when it is down.
  await until(async () => stateOf(await cluster.status(), 'a') === 'down')
  const { sessionServers, partitions } = await cluster.status()
  t.match(sessionServers[0], { name: 'a', partitions: 0, sessions: 0 })
  t.equal(partitions.underCopied, partitions.total)
  t.ok(cluster.isReady(), 'one copy is enough to serve')
}

/** It has every copy again: the other one and all caches can be lost. */
async function isBack(t: Test, cluster: TestCluster): Promise<void> {
  const { sessionServers } = await cluster.whole()
  const [a, b] = sessionServers
  t.match(a, { partitions: 1024, sessions: b?.sessions })
  await cluster.keepDown('b')
  await cluster.lose('web-1', 'web-2')
}

function stateOf({ sessionServers }: Awaited<ReturnType<TestCluster['status']>>, name: string) {
  return sessionServers.find(server => server.name === name)?.state
}

/** What the log says of the losses of session server a, once it says something. */
async function lostLines(cluster: TestCluster): Promise<TestCluster['logged']> {
  const find = () => cluster.logged.filter(({ msg, actor }) => msg === 'lost' && actor === 'a')
  await until(() => find().length > 0)
  return find()
}

/** An older state of the same session server, to be brought up to date. */
async function fill(path: string): Promise<void> {
  const store = await openLmdbStore(path, 'a')
  for (let index = 0; index < 300; index++) {
    const id = `of before ${index}`
    store.set(copyOf(id, '{"count":7}'), partitionOf(id as SessionId))
  }
  await store.commit()
  await store.close()
}

async function moveAway(path: string): Promise<void> {
  await rename(join(path, 'data.mdb'), join(path, 'data.mdb.bad'))
}
