/** Sessions through a real cluster: concurrent requests, destroy, touches, expiry, commits that are refused. */
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { openGate, stopAtGate, visit } from '../support/visitor.js'

async function mutationsOf(cluster: TestCluster): Promise<number> {
  const { webServers } = await cluster.status()
  return webServers.reduce((sum, { mutations }) => sum + mutations, 0)
}

function withErrors({ logged }: TestCluster, code: string) {
  return logged.filter(({ err }) => err?.code === code)
}

t.test('concurrent requests of one session', async t => {
  const cluster = await startCluster(t)

  t.test('all of them are served by the web server that hosts it', async t => {
    const visitor = visit(t, cluster.url)
    const { servedBy } = await visitor.get('/')
    const answers = await Promise.all(Array.from({ length: 20 }, () => visitor.get('/read')))
    t.same([...new Set(answers.map(answer => answer.servedBy))], [servedBy])
    t.same([...new Set(answers.map(({ text }) => text))], ['1'])
  })

  t.test('two at the same moment both keep their writes', async t => {
    const visitor = visit(t, cluster.url)
    await visitor.get('/')
    const ada = await stopAtGate(visitor, '/slow-add?item=ada', 'both')
    const ben = await stopAtGate(visitor.tab(), '/slow-add?item=ben', 'both')
    await openGate(visitor, 'both')
    t.same([(await ada.answer).status, (await ben.answer).status], [200, 200])
    t.equal((await visitor.get('/items')).text, 'ada,ben')
    await cluster.lose('web-1', 'web-2')
    t.equal((await visitor.get('/items')).text, 'ada,ben', 'and so do the copies')
  })

  t.test('twenty increments at the same moment are twenty increments', async t => {
    const visitor = visit(t, cluster.url)
    await visitor.get('/')
    const all = await Promise.all(
      Array.from({ length: 20 }, () => stopAtGate(visitor, '/wait-and-count', 'all')),
    )
    await openGate(visitor, 'all')
    for (const { answer } of all) t.equal((await answer).status, 200)
    t.equal((await visitor.get('/read')).text, '21')
  })
})

t.test('a session destroyed while another of its requests runs is not brought back by it', async t => {
  const cluster = await startCluster(t)
  for (const ending of ['/logout', '/login?user=ada']) {
    const visitor = visit(t, cluster.url)
    await visitor.get('/')
    const late = visitor.tab()
    const old = visitor.tab()
    const { answer } = await stopAtGate(late, '/late-write', 'late')
    const ended = await visitor.get(ending)
    t.ok(ended.status < 400, `${ending}: ${ended.status}`)
    await openGate(old, 'late')
    t.equal((await answer).text, 'written', 'that request is not failed for it')
    t.equal((await old.tab().get('/read')).text, 'none', `${ending}: the old cookie finds nothing`)
    await cluster.lose('web-1', 'web-2')
    t.equal((await old.tab().get('/read')).text, 'none', 'nor do the copies hold anything')
    if (ending === '/logout') t.equal(visitor.cookies.size, 0, 'the cookie is cleared')
    else {
      t.equal((await visitor.get('/whoami')).text, 'ada')
      t.equal((await visitor.get('/read')).text, 'none', 'and the late write is not in the new session')
    }
    await cluster.whole()
  }
})

t.test('login gives a new id and keeps nothing of the session before', async t => {
  const cluster = await startCluster(t)
  for (const path of ['/login?user=ada', '/login-with-callbacks?user=ada']) {
    const visitor = visit(t, cluster.url)
    await visitor.get('/')
    const before = (await visitor.get('/id')).text
    const answer = await visitor.get(path)
    t.match(answer, { status: 302, headers: { location: '/whoami' } })
    t.not((await visitor.get('/id')).text, before, path)
    t.equal((await visitor.get('/whoami')).text, 'ada')
    t.equal((await visitor.get('/read')).text, 'none')
  }
})

t.test('touches cost no mutation for most requests, and none for requests that never look', async t => {
  const cluster = await startCluster(t, { session: { ttl: '10s' } })
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  t.equal(await mutationsOf(cluster), 1, 'a change is one mutation')
  for (let request = 0; request < 50; request++) await visitor.get('/static')
  t.equal(await mutationsOf(cluster), 1, 'requests that never look at the session')
  const stranger = visit(t, cluster.url)
  await stranger.get('/read')
  t.equal(stranger.cookies.size, 0, 'and a session in which nothing was stored is none')
  t.equal(await mutationsOf(cluster), 1)

  let reads = 0
  while ((await mutationsOf(cluster)) === 1) {
    await visitor.get('/read')
    reads++
  }
  t.ok(reads > 5, `${reads} reads in a tenth of the lifetime made one touch`)
  t.equal(await mutationsOf(cluster), 2)
})

t.test('a session ends when it was not used for its lifetime, and lives while it is', async t => {
  const cluster = await startCluster(t, { session: { ttl: '3s' } })
  const [used, unused, unlooked] = [visit(t, cluster.url), visit(t, cluster.url), visit(t, cluster.url)]
  for (const visitor of [used, unused, unlooked]) await visitor.get('/')
  const begun = Date.now()
  while (Date.now() < begun + 3_500) {
    t.equal((await used.get('/read')).text, '1')
    await unlooked.get('/static')
    await wait(100)
  }
  const before = (await unused.get('/id')).text
  t.equal((await unused.get('/read')).text, 'none')
  t.equal((await unlooked.get('/read')).text, 'none', 'a request that does not look at it is no use of it')
  t.equal((await unused.get('/')).text, '1')
  t.not((await unused.get('/id')).text, before, 'with a new id')
  await cluster.lose('web-1', 'web-2')
  t.equal((await used.get('/read')).text, '1', 'the copies know the new expiry')
})

t.test('a session that cannot be kept fails its request, and the last good copy stays', async t => {
  const cluster = await startCluster(t, { session: { maxBytes: '1kb' } })
  const visitor = visit(t, cluster.url)
  await visitor.get('/')

  t.match(await visitor.get('/unserializable'), { status: 500, text: 'SESSION_NOT_SERIALIZABLE' })
  t.match(withErrors(cluster, 'SESSION_NOT_SERIALIZABLE'), [
    { err: { path: 'user', message: 'req.session.user' }, during: 'GET /unserializable' },
  ])
  t.match(await visitor.get('/big?bytes=2000'), { status: 500, text: 'SESSION_TOO_LARGE' })
  t.match(withErrors(cluster, 'SESSION_TOO_LARGE'), [
    { err: { maxBytes: 1024, message: 'user (2002 bytes)' }, during: 'GET /big?bytes=2000' },
  ])

  const lastGood = async (when: string) => {
    t.equal((await visitor.get('/read')).text, '1', when)
    t.equal((await visitor.get('/whoami')).text, 'nobody', when)
  }
  await lastGood('in memory')
  await cluster.lose('web-1', 'web-2')
  await lastGood('in the copies')
  t.match(await visitor.get('/big?bytes=900'), { status: 200 }, 'and it goes on from there')
})

t.test('a session that no session server can be asked for is an error, never an empty one', async t => {
  const cluster = await startCluster(t, { sessionServers: [{ name: 'a' }] })
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  await cluster.keepDown('a')
  await cluster.lose('web-1', 'web-2')
  for (let request = 0; request < 10; request++) {
    const answer = await visitor.get('/read')
    t.match(answer, { status: 503, headers: { 'retry-after': '1' } })
    t.notOk('set-cookie' in answer.headers)
  }
})
