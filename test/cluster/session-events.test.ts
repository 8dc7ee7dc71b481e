/** What a cluster tells of its sessions. */
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import type { ClusterSessionEvents } from '../../lib/director/session-events.js'
import { partitionOf } from '../../lib/replication/ids.js'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { type Visitor, visit } from '../support/visitor.js'

/** The shortest there can be, ms. */
const TTL_MS = 1_000

type EventName = keyof ClusterSessionEvents

/** Listens, and waits until every web server knows. */
async function listen(cluster: TestCluster, ...names: EventName[]) {
  const heard: { name: EventName; id: string; partition: number; webServer: string }[] = []
  for (const name of names) cluster.on(name, event => heard.push({ name, ...event }))
  // Web servers are told by a control call each; status is one that is answered after it.
  await cluster.status()
  const of = (id: string) => heard.filter(event => event.id === id).map(({ name }) => name)
  return { heard, of }
}

async function idOf(visitor: Visitor): Promise<string> {
  return (await visitor.get('/id')).text
}

t.test('created, destroyed and expired are told once each, by the owner', async t => {
  const cluster = await startCluster(t, { session: { ttl: TTL_MS } })
  await cluster.whole()
  const early = visit(t, cluster.url)
  await early.get('/')
  const { heard, of } = await listen(cluster, 'session:created', 'session:destroyed', 'session:expired')

  const visitor = visit(t, cluster.url)
  const { servedBy } = await visitor.get('/')
  await visitor.get('/')
  const first = await idOf(visitor)
  await until(() => of(first).length > 0)
  t.same(
    heard.filter(({ id }) => id === first),
    [{ name: 'session:created', id: first, partition: partitionOf(first), webServer: servedBy }],
  )

  await visitor.form('/login', { user: 'ada' })
  const second = await idOf(visitor)
  await until(() => of(second).length > 0)
  t.same(of(first), ['session:created', 'session:destroyed'], 'regenerate ends one and begins another')
  t.same(of(second), ['session:created'])
  await visitor.post('/logout')
  await until(() => of(second).length > 1)
  t.same(of(second), ['session:created', 'session:destroyed'])

  const leaving = visit(t, cluster.url)
  await leaving.get('/')
  const third = await idOf(leaving)
  await wait(TTL_MS + 50)
  for (const tab of [leaving.tab(), leaving.tab()]) t.equal((await tab.get('/read')).text, 'none')
  t.equal((await leaving.get('/')).text, '1')
  const fourth = await idOf(leaving)
  await until(() => of(fourth).length > 0)
  await until(() => of(third).length > 1)
  t.same(of(third), ['session:created', 'session:expired'], 'found at the next request with its cookie')
  t.same([...new Set(heard.map(({ name }) => name))].sort(), [
    'session:created',
    'session:destroyed',
    'session:expired',
  ])
})

t.test('a session that nobody comes back for is found by the sweep', async t => {
  const cluster = await startCluster(t, { session: { ttl: TTL_MS } })
  const { heard } = await listen(cluster, 'session:expired')
  // The sweep takes 16 partitions of 1024 a second, from the first on: one of these is early enough.
  const ids = new Set<string>()
  const crowd = Array.from({ length: 60 }, () => visit(t, cluster.url))
  await Promise.all(crowd.map(visitor => visitor.get('/')))
  for (const visitor of crowd) ids.add(await idOf(visitor))
  await until(() => heard.length > 0)
  t.ok(heard.every(({ id }) => ids.has(id)))
  t.equal(new Set(heard.map(({ id }) => id)).size, heard.length)
})

t.test('sessions of a web server that died are told as taken over, those handed over are not', async t => {
  const cluster = await startCluster(t)
  await cluster.whole()
  const crowd = Array.from({ length: 20 }, () => visit(t, cluster.url))
  const byOwner = new Map<string, string[]>()
  for (const visitor of crowd) {
    const { servedBy = '' } = await visitor.get('/')
    byOwner.set(servedBy, [...(byOwner.get(servedBy) ?? []), await idOf(visitor)])
  }
  const { heard } = await listen(cluster, 'session:taken-over')
  await cluster.lose('web-1')
  for (const visitor of crowd) t.equal((await visitor.get('/')).text, '2')
  const lost = byOwner.get('web-1') ?? []
  t.ok(lost.length > 0)
  await until(() => heard.length >= lost.length)
  t.same(heard.map(({ id }) => id).sort(), [...lost].sort())
  t.same([...new Set(heard.map(({ webServer }) => webServer))], ['web-2'])

  // web-1 is back and gets its share by handover: its sessions are read again, but nobody died.
  await cluster.whole()
  for (const visitor of crowd) t.equal((await visitor.get('/')).text, '3')
  t.equal(heard.length, lost.length)
})

t.test(
  'without listeners nothing is told, and a web server that starts later learns what is wanted',
  async t => {
    const cluster = await startCluster(t)
    await cluster.whole()
    const heard: string[] = []
    const listener = ({ id }: { id: string }) => heard.push(id)
    cluster.on('session:created', listener)
    await cluster.status()
    await cluster.lose('web-1', 'web-2')
    const visitor = visit(t, cluster.url)
    await visitor.get('/')
    await until(() => heard.length > 0)
    t.same(heard, [await idOf(visitor)])
    cluster.off('session:created', listener)
    await cluster.status()
    await visit(t, cluster.url).get('/')
    await cluster.status()
    t.equal(heard.length, 1)
  },
)
