/** Responses that follow a change wait for its copies, head and all (invariant 2). */
import t from 'tap'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { RawClient } from '../support/http-client.js'
import { until } from '../support/until.js'
import { type Answer, Crowd, openGate, type Visitor, visit } from '../support/visitor.js'

const ONE = [{ name: 'a' }]
const SLOW = { sessionServers: ONE, replication: { ackTimeout: '30s' } }
const QUICK = { sessionServers: ONE, replication: { ackTimeout: '150ms' } }

/** Sends a request and leaves its answer to be watched byte by byte. */
function ask({ url }: TestCluster, visitor: Visitor, path: string): RawClient {
  const client = new RawClient(Number(new URL(url).port))
  client.send(`GET ${path} HTTP/1.1\r\nHost: test\r\nCookie: ${visitor.cookieHeader}\r\n\r\n`)
  return client
}

async function mutationsOf(cluster: TestCluster): Promise<number> {
  const { webServers } = await cluster.status()
  return webServers.reduce((sum, { mutations }) => sum + mutations, 0)
}

/** Asks until somebody can say. */
async function readable(visitor: Visitor, path: string): Promise<Answer> {
  let answer = await visitor.get(path)
  while (answer.status === 503) answer = await visitor.get(path)
  return answer
}

t.test('a redirect after a login never overtakes its save: its head waits for the copy', async t => {
  const cluster = await startCluster(t, SLOW)
  const [login, parts] = [visit(t, cluster.url), visit(t, cluster.url)]
  await Promise.all([login.get('/'), parts.get('/')])
  const letGo = await cluster.keepDown('a')
  const before = await mutationsOf(cluster)
  const clients = [ask(cluster, login, '/enter?user=ada'), ask(cluster, parts, '/count-in-parts')] as const
  t.teardown(() => clients.map(client => client.close()))
  await until(async () => (await mutationsOf(cluster)) === before + 2)
  // Both have changed their sessions, and an answer through the same web servers takes this time over and over.
  for (let request = 0; request < 50; request++) await Promise.all([login, parts].map(v => v.get('/static')))
  t.same(
    clients.map(({ received }) => received),
    ['', ''],
    'not a byte came',
  )
  letGo()
  await clients[0].until('302 Found')
  await clients[1].until('part two')
  // Its return is not complete yet, so for a moment it may not answer for sessions; but it has these.
  await cluster.lose('web-1', 'web-2')
  t.equal((await readable(login, '/whoami')).text, 'ada', 'when they came, the copies were there')
  t.equal((await readable(parts, '/read')).text, '2')
})

t.test('when the copies cannot be had in time the client gets an error, never success', async t => {
  const cluster = await startCluster(t, QUICK)
  const newcomer = visit(t, cluster.url)
  const paths = ['/', '/count-in-parts', '/enter?user=ada']
  const visitors = paths.map(() => visit(t, cluster.url))
  for (const visitor of visitors) await visitor.get('/')
  const letGo = await cluster.keepDown('a')
  const refused = await Promise.all([
    newcomer.get('/'),
    ...visitors.map((visitor, index) => visitor.get(paths[index] ?? '')),
  ])
  for (const answer of refused) t.match(answer, { status: 503, headers: { 'retry-after': '1' } })
  t.equal(newcomer.cookies.size, 0, 'and no cookie for a session that may not outlive anything')
  const told = cluster.logged.filter(({ err }) => err?.code === 'REPLICATION_TIMEOUT')
  t.same(told.map(({ during }) => during).sort(), ['GET /', ...paths.map(path => `GET ${path}`)].sort())
  letGo()
  await cluster.whole()
  await cluster.lose('web-1', 'web-2')
  t.equal((await visitors[0]?.get('/'))?.text, '3', 'the change arrived later: it was real, only not certain')
})

t.test('a session call that fails costs its request, not its web server, waited for or not', async t => {
  const cluster = await startCluster(t, QUICK)
  const paths = ['/forgetful-logout', '/forgetful-save', '/logout', '/login?user=ada']
  const visitors = paths.map(() => visit(t, cluster.url))
  for (const visitor of visitors) await visitor.get('/')
  await cluster.keepDown('a')
  const refused = await Promise.all(visitors.map((visitor, index) => visitor.get(paths[index] ?? '')))
  for (const answer of refused) t.match(answer, { status: 503, headers: { 'retry-after': '1' } })
  // Through the same ports, so after whatever was reported before it.
  for (const visitor of visitors) t.equal((await visitor.get('/static')).status, 200)
  const { webServers } = await cluster.status()
  t.same(
    webServers.map(({ restarts }) => restarts),
    [0, 0],
  )
  t.notOk(cluster.logged.some(({ msg }) => msg === 'uncaught error'))
})

t.test('a response whose head the app has flushed is cut off when its change is not copied', async t => {
  const cluster = await startCluster(t, QUICK)
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  const client = ask(cluster, visitor, '/count-after-head?gate=head')
  await client.until('begun')
  await cluster.keepDown('a')
  await openGate(visitor, 'head')
  const received = await client.untilClosed()
  t.notMatch(received, 'and ended')
  t.notMatch(received, '\r\n0\r\n', 'the client can tell that it is incomplete')
})

t.test('a request that reads what another has changed waits for that copy as well', async t => {
  const cluster = await startCluster(t, QUICK)
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  await cluster.keepDown('a')
  const [write, read] = await Promise.all([visitor.get('/'), visitor.tab().get('/read')])
  t.equal(write.status, 503)
  t.notMatch(read, { status: 200, text: '2' }, 'what may be lost is not told to anybody')
  t.equal((await visitor.get('/static')).status, 200, 'a request without the session waits for nothing')
})

t.test('acks "all": every session server that lives has the change before the answer', async t => {
  const cluster = await startCluster(t, { replication: { acks: 'all' } })
  const crowd = new Crowd(t, cluster.url, 30)
  await cluster.whole()
  let count = 0
  for (const name of ['a', 'b']) {
    count++
    t.same(await crowd.get('/'), [`200 ${count}`])
    await cluster.lose(name, 'web-1', 'web-2')
    t.same(await crowd.get('/read'), [`200 ${count}`], `${name} was lost at once`)
    await cluster.whole()
  }
})

t.test('acks "none": nobody waits', async t => {
  const cluster = await startCluster(t, { sessionServers: ONE, replication: { acks: 'none' } })
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  await cluster.keepDown('a')
  t.match(await visitor.get('/'), { status: 200, text: '2' })
})
