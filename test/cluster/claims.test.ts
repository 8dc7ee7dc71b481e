/** The claims of the system, one end-to-end test each: real HTTP against a real cluster. Recopying: recopy.test.ts. */
import t from 'tap'
import { byName, sessionsOf, startCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { Crowd } from '../support/visitor.js'

const THREE = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]
const SESSIONS = 60

t.test(
  'all sessions copied: every session server holds every session, so any one left is enough',
  async t => {
    const cluster = await startCluster(t, { sessionServers: THREE, replication: { copies: 'all' } })
    const crowd = new Crowd(t, cluster.url, SESSIONS)
    t.same(await crowd.get('/'), ['200 1'])
    await cluster.whole()
    await until(async () => {
      const { sessionServers } = await cluster.status()
      return sessionServers.every(({ sessions }) => sessions === SESSIONS)
    })
    const { sessionServers } = await cluster.status()
    t.same(
      byName(sessionServers, ({ partitions }) => partitions),
      { a: 1024, b: 1024, c: 1024 },
    )

    for (const name of ['a', 'b']) {
      await cluster.lose(name)
      await cluster.whole()
      t.same(await crowd.get('/read'), ['200 1'], `after the loss of ${name}`)
    }
    t.same(
      byName((await cluster.status()).sessionServers, ({ sessions }) => sessions),
      { a: SESSIONS, b: SESSIONS, c: SESSIONS },
    )

    await cluster.lose('a', 'b', 'web-1', 'web-2')
    t.same(await crowd.get('/'), ['200 2'], 'only c was left')
  },
)

t.test('local cache: a web server serves the sessions that it hosts with no look-up', async t => {
  const cluster = await startCluster(t)
  const crowd = new Crowd(t, cluster.url, SESSIONS)
  t.same(await crowd.get('/'), ['200 1'])
  await cluster.whole()
  const letGo = await cluster.keepDown('a', 'b')
  t.same(await crowd.get('/read'), ['200 1'], 'nobody is there to be asked')
  letGo()
  await cluster.whole()
  const { sessionServers } = await cluster.status()
  t.same(
    byName(sessionServers, ({ sessions }) => sessions),
    { a: SESSIONS, b: SESSIONS },
    'caches are where the copies come from',
  )
  await cluster.lose('web-1', 'web-2')
  t.same(await crowd.get('/'), ['200 2'])
})

t.test(
  'local cache: a session evicted from it is read back from its replica with its latest write',
  async t => {
    const cluster = await startCluster(t, { cache: { maxBytes: '64kb' }, session: { maxBytes: '16kb' } })
    const many = 600
    const crowd = new Crowd(t, cluster.url, many)
    for (let count = 1; count <= 3; count++) t.same(await crowd.get('/'), [`200 ${count}`])
    const { webServers, sessionServers } = await cluster.whole()
    t.ok(sessionsOf(webServers) < many / 2, `${sessionsOf(webServers)} of ${many} are cached`)
    t.same(
      byName(sessionServers, ({ sessions }) => sessions),
      { a: many, b: many },
    )
  },
)

t.test('disjoint subsets: with one copy each session is at exactly one session server', async t => {
  const cluster = await startCluster(t, { sessionServers: THREE, replication: { copies: 1 } })
  const crowd = new Crowd(t, cluster.url, SESSIONS)
  t.same(await crowd.get('/'), ['200 1'])
  const { sessionServers } = await cluster.whole()
  t.same(sessionServers.map(({ partitions }) => partitions).sort(), [341, 341, 342])
  t.equal(sessionsOf(sessionServers), SESSIONS)
  t.ok(
    sessionServers.every(({ sessions }) => sessions > 0),
    'each has its share',
  )

  await cluster.lose('web-1')
  t.same(await crowd.get('/'), ['200 2'], 'the loss of a web server loses nothing')
  await cluster.whole()
  // What was handed over to its replacement is read ahead, or the one copy would be all there is of it.
  await until(async () => sessionsOf((await cluster.status()).webServers) === SESSIONS)
  await cluster.lose('b')
  t.same(await crowd.get('/'), ['200 3'], 'nor that of a session server what its owner has in memory')
  await cluster.whole()
  // Those that a session server held until another was up to date are forgotten a moment after.
  await until(async () => sessionsOf((await cluster.status()).sessionServers) === SESSIONS)
})

t.test('overlapping subsets: with two copies each session is at two different session servers', async t => {
  const cluster = await startCluster(t, { sessionServers: THREE, replication: { copies: 2 } })
  const crowd = new Crowd(t, cluster.url, SESSIONS)
  t.same(await crowd.get('/'), ['200 1'])
  let count = 1
  for (const name of ['a', 'b', 'c']) {
    await cluster.whole()
    await until(async () => sessionsOf((await cluster.status()).sessionServers) === 2 * SESSIONS)
    const { sessionServers } = await cluster.status()
    const partitions = byName(sessionServers, ({ partitions }) => partitions)
    const shares = Object.values(partitions)
    t.equal(
      shares.reduce((sum, share) => sum + share, 0),
      2 * 1024,
      JSON.stringify(partitions),
    )
    t.ok(Math.max(...shares) - Math.min(...shares) <= 2, `evenly: ${shares}`)
    await cluster.lose(name, 'web-1', 'web-2')
    count++
    t.same(await crowd.get('/'), [`200 ${count}`], `the loss of ${name} left a copy of each`)
  }
})

t.test('takeover: sessions of a dead web server carry on at another', async t => {
  const cluster = await startCluster(t)
  const crowd = new Crowd(t, cluster.url, SESSIONS)
  t.same(await crowd.get('/'), ['200 1'])
  await cluster.whole()
  await cluster.lose('web-1')
  t.same(await crowd.get('/'), ['200 2'])
  const { webServers } = await cluster.whole()
  t.same(
    byName(webServers, ({ restarts, partitions }) => ({ restarts, partitions })),
    { 'web-1': { restarts: 1, partitions: 512 }, 'web-2': { restarts: 0, partitions: 512 } },
  )
})

t.test('takeover: sessions are copied back from the session servers ahead of use', async t => {
  const cluster = await startCluster(t)
  const crowd = new Crowd(t, cluster.url, SESSIONS)
  t.same(await crowd.get('/'), ['200 1'])
  await cluster.whole()
  await cluster.lose('web-1', 'web-2')
  await cluster.whole()
  await until(async () => sessionsOf((await cluster.status()).webServers) === SESSIONS)
  t.pass('all are cached, and nobody has asked for one')
  await cluster.keepDown('a', 'b')
  t.same(await crowd.get('/read'), ['200 1'], 'served from memory')
})
