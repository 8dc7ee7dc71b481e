/** Recopying after the loss of a session server, and bringing it up to date when it comes back (invariant 6). */
import t from 'tap'
import { byName, sessionsOf, startCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { Crowd } from '../support/visitor.js'

const THREE = [{ name: 'a' }, { name: 'b' }, { name: 'c' }]
/** Far more than its caches hold. */
const SMALL_CACHES = { cache: { maxBytes: '64kb' }, session: { maxBytes: '16kb' } }
const MANY = 300

t.test(
  'recopying: what a lost session server held is copied to another, so the next loss loses nothing',
  async t => {
    const cluster = await startCluster(t, {
      sessionServers: THREE,
      replication: { copies: 2 },
      ...SMALL_CACHES,
    })
    const crowd = new Crowd(t, cluster.url, MANY)
    t.same(await crowd.get('/'), ['200 1'])
    await cluster.whole()

    // While a is down the other two are all there is: each session is at both.
    const letGo = await cluster.keepDown('a')
    await until(async () => (await cluster.status()).partitions.underCopied === 0)
    const { sessionServers } = await cluster.status()
    t.match(
      byName(sessionServers, ({ sessions }) => sessions),
      { b: MANY, c: MANY },
    )

    await cluster.lose('b', 'web-1', 'web-2')
    t.same(await crowd.get('/'), ['200 2'], 'then the other is lost, and every cache')
    letGo()
    await cluster.whole()
    t.equal(sessionsOf((await cluster.status()).sessionServers), 2 * MANY)
  },
)

t.test('recopying: with no other left it waits, visibly, for the lost one to come back', async t => {
  const cluster = await startCluster(t, SMALL_CACHES)
  const crowd = new Crowd(t, cluster.url, MANY)
  t.same(await crowd.get('/'), ['200 1'])
  await cluster.whole()
  const letGo = await cluster.keepDown('a')
  const { partitions } = await cluster.status()
  t.equal(partitions.underCopied, 1024)
  t.ok(cluster.isReady(), 'one copy is enough to serve')
  t.same(await crowd.get('/'), ['200 2'])
  letGo()
  await cluster.whole()
  await cluster.lose('b')
  t.same(await crowd.get('/'), ['200 3'], 'the one that came back has what it missed')
})

t.test('recopying: a session server that comes back counts only once it is up to date', async t => {
  const cluster = await startCluster(t, SMALL_CACHES)
  const crowd = new Crowd(t, cluster.url, MANY)
  t.same(await crowd.get('/'), ['200 1'])
  await cluster.whole()
  await cluster.lose('a')
  let whole = false
  let looks = 0
  while (!whole) {
    const before = await cluster.status()
    const after = await cluster.status()
    const a = before.sessionServers.find(({ name }) => name === 'a')
    if (a?.state === 'running' && a.partitions < 1024) {
      looks++
      t.ok(before.partitions.underCopied > 0, 'under-copied until then')
    }
    whole = a?.partitions === 1024
    if (whole)
      t.match(
        byName(after.sessionServers, ({ sessions }) => sessions),
        { a: MANY },
      )
  }
  t.comment(`seen ${looks} times on its way`)
  await cluster.lose('b', 'web-1')
  t.same(await crowd.get('/'), ['200 2'], 'then the other is lost, and a web server')
  await cluster.whole()
  await cluster.lose('web-2')
  t.same(await crowd.get('/'), ['200 3'])
})

t.test('recopying: requests are served while it goes on, and their writes are copied too', async t => {
  const cluster = await startCluster(t, { replication: { acks: 'all' }, ...SMALL_CACHES })
  const crowd = new Crowd(t, cluster.url, MANY)
  t.same(await crowd.get('/'), ['200 1'])
  await cluster.whole()
  const lost = cluster.lose('a')
  t.same(await crowd.get('/'), ['200 2'])
  await lost
  t.same(await crowd.get('/'), ['200 3'])
  await cluster.whole()
  await cluster.lose('b', 'web-1', 'web-2')
  t.same(await crowd.get('/read'), ['200 3'])
})
