/** Web servers that die in every way an app can make them: what becomes of their requests and of their sessions. */
import t, { type Test } from 'tap'
import { byName, startCluster, type TestCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import {
  type Answer,
  Crowd,
  gathered,
  openGate,
  stopAtGate,
  type Visitor,
  visit,
} from '../support/visitor.js'

const SESSIONS = 30

async function restartsOf(cluster: TestCluster, name: string): Promise<number> {
  const { webServers } = await cluster.status()
  return byName(webServers, ({ restarts }) => restarts)[name] ?? 0
}

/** Waits until a web server has been lost and started again since. */
async function restarted(cluster: TestCluster, name: string, before: number): Promise<void> {
  await until(async () => (await restartsOf(cluster, name)) > before)
}

/** A new session at that web server. */
async function visitorAt(t: Test, cluster: TestCluster, name: string): Promise<Visitor> {
  while (true) {
    const visitor = visit(t, cluster.url)
    if ((await visitor.get('/')).servedBy === name) return visitor
  }
}

interface Death {
  readonly how: string
  cause(cluster: TestCluster, visitor: Visitor, name: string): unknown
  /** What the log says of it. */
  readonly told: { readonly code: string; readonly message?: RegExp }
}

const deaths: readonly Death[] = [
  {
    how: 'killed by an operator',
    cause: (cluster, _visitor, name) => cluster.kill(name),
    told: { code: 'ACTOR_KILLED', message: /an operator/ },
  },
  {
    how: 'process.exit',
    cause: (_cluster, visitor) => visitor.post('/exit'),
    told: { code: 'ACTOR_EXITED' },
  },
  {
    how: 'an endless loop',
    cause: (_cluster, visitor) => visitor.post('/hang'),
    told: { code: 'ACTOR_KILLED', message: /stood still/ },
  },
  {
    how: 'heap exhaustion',
    cause: (_cluster, visitor) => visitor.post('/exhaust'),
    told: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
  },
]

t.test('a web server dies', async t => {
  const cluster = await startCluster(t, { webServers: { heapMb: 64, hangTimeout: '1s' } })
  const crowd = new Crowd(t, cluster.url, SESSIONS)
  await crowd.get('/')
  let count = 1

  for (const [index, { how, cause, told }] of deaths.entries()) {
    await cluster.whole()
    const name = `web-${(index % 2) + 1}`
    await t.test(`of ${how}`, async t => {
      const visitor = await visitorAt(t, cluster, name)
      const [before, logged] = [await restartsOf(cluster, name), cluster.logged.length]
      const repeatable = await stopAtGate(visitor, '/wait', 'w')
      const withBody = await stopAtGate(visitor, '/wait', 'w', 'PUT')
      const once = await stopAtGate(visitor, '/wait', 'w', 'POST')
      const begun = await stopAtGate(visitor, '/begin', 'w')
      await cause(cluster, visitor.tab(), name)
      const reads = crowd.get('/read')

      t.match(await once.answer, { status: 503, headers: { 'retry-after': '1' } }, 'POST is not repeated')
      await t.rejects(begun.answer, 'what had begun is cut off')
      await gathered(visitor, 'w', 2)
      await openGate(visitor, 'w')
      for (const { answer } of [repeatable, withBody]) {
        t.match(await answer, { status: 200, text: 'waited' }, 'GET and PUT are carried out at the new owner')
      }
      t.same(await reads, [`200 ${count}`], 'nobody else has noticed')
      t.equal((await visitor.get('/read')).text, '1')

      await restarted(cluster, name, before)
      const { webServers } = await cluster.whole()
      t.same(
        byName(webServers, ({ partitions }) => partitions),
        { 'web-1': 512, 'web-2': 512 },
        'its replacement has its share',
      )
      const lost = cluster.logged.slice(logged).filter(({ msg, actor }) => msg === 'lost' && actor === name)
      t.match(lost, [{ err: told }])
      count++
      t.same(await crowd.post('/'), [`200 ${count}`])
    })
  }
})

t.test('an error that nobody catches', async t => {
  const cluster = await startCluster(t)
  const crowd = new Crowd(t, cluster.url, SESSIONS)
  await crowd.get('/')
  const errors: Record<string, object> = {
    '/throw-now': { status: 500 },
    '/reject': { status: 500 },
    '/throw': { status: 200, text: 'soon' },
    '/reject-unseen': { status: 200, text: 'soon' },
  }
  let turn = 0
  for (const [path, answered] of Object.entries(errors)) {
    await cluster.whole()
    const name = `web-${(turn++ % 2) + 1}`
    const visitor = await visitorAt(t, cluster, name)
    const before = await restartsOf(cluster, name)
    const others = [
      await stopAtGate(visitor, '/wait-and-count', 'w'),
      await stopAtGate(visitor, '/wait', 'w', 'POST'),
      await stopAtGate(visitor, '/begin', 'w'),
    ]
    t.match(await visitor.tab().post(path), answered, path)
    await openGate(visitor, 'w')
    t.same(
      await Promise.all(others.map(async ({ answer }) => (await answer).text)),
      ['2', 'waited', 'begun and ended'],
      `${path}: its other requests finish`,
    )
    await restarted(cluster, name, before)
    t.equal((await visitor.get('/read')).text, '2')
    t.same(await crowd.get('/read'), ['200 1'])
  }
  t.same(await crowd.get('/'), ['200 2'])
})

t.test('an uncaught error is logged with its code, fields, cause and stack', async t => {
  const cluster = await startCluster(t)
  const visitor = visit(t, cluster.url)
  const { servedBy } = await visitor.post('/throw-coded')
  const lines = () => cluster.logged.filter(({ msg }) => msg === 'uncaught error')
  await until(() => lines().length > 0)
  t.match(lines()[0], {
    actor: servedBy ?? /web-/,
    err: { code: 'E_TEST', order: 12, message: /all that an error can carry: the cause/, stack: /counter/ },
  })
})

t.test('a request that kills whoever serves it is repeated once and then refused', async t => {
  const cluster = await startCluster(t)
  const crowd = new Crowd(t, cluster.url, SESSIONS)
  await crowd.get('/')
  const [killer] = crowd.visitors
  const refused = killer?.tab().get('/exit')
  t.match(await refused, { status: 503, headers: { 'retry-after': '1' } })
  t.same(await crowd.get('/'), ['200 2'], 'requests that came while nobody lived have waited')
  const { webServers } = await cluster.whole()
  t.same(
    byName(webServers, ({ restarts }) => restarts),
    { 'web-1': 1, 'web-2': 1 },
  )
})

t.test('requests that wait longer than parkTimeout for a web server get 503', async t => {
  const cluster = await startCluster(t, { listen: { parkTimeout: '50ms' } })
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  const letGo = await cluster.keepDown('web-1', 'web-2')
  t.match(await visitor.get('/read'), { status: 503, headers: { 'retry-after': '1' } })
  letGo()
  await cluster.whole()
  t.equal((await visitor.get('/read')).text, '1')
})

t.test('handover loses nothing and fails nothing', async t => {
  const cluster = await startCluster(t)
  const crowd = new Crowd(t, cluster.url, 100)
  await crowd.get('/')
  await cluster.whole()
  await cluster.lose('web-1')
  let [count, rounds] = [1, 0]
  let whole = false
  const done = cluster.whole().then(() => {
    whole = true
  })
  while (!whole) {
    count++
    rounds++
    t.same(await crowd.post('/'), [`200 ${count}`])
  }
  await done
  t.ok(
    cluster.logged.some(({ msg }) => msg === 'handover'),
    `${rounds} rounds meanwhile`,
  )
  await cluster.lose('web-1', 'web-2')
  t.same(await crowd.get('/read'), [`200 ${count}`])
})

t.test('sessions in use stay where they are while the others are handed over', async t => {
  const cluster = await startCluster(t)
  // About half of what web-2 owns is to be handed over.
  const visitors = await Promise.all(Array.from({ length: 12 }, () => visitorAt(t, cluster, 'web-2')))
  const stopped: { readonly answer: Promise<Answer> }[] = []
  for (const visitor of visitors) stopped.push(await stopAtGate(visitor, '/wait-and-count', 'use'))
  await cluster.lose('web-1')
  await until(async () => {
    const { webServers } = await cluster.status()
    return (webServers[0]?.partitions ?? 0) >= 480
  })
  const others = visitors.map(visitor => visitor.tab().post('/'))
  for (const visitor of visitors.slice(0, 1)) await openGate(visitor, 'use')
  for (const { answer } of stopped) t.match(await answer, { status: 200, servedBy: 'web-2' })
  for (const other of others) t.equal((await other).status, 200)
  for (const visitor of visitors) t.equal((await visitor.get('/read')).text, '3')
})

t.test(
  'an app may compute without a pause for as long as hangTimeout says, whatever else happens',
  async t => {
    const cluster = await startCluster(t, { webServers: { hangTimeout: '60s' } })
    const visitor = await visitorAt(t, cluster, 'web-1')
    // Longer than a control call of an event loop that runs may take.
    const answer = visitor.post('/stand-still?ms=6500')
    await cluster.lose('a')
    t.match(await answer, { status: 200, servedBy: 'web-1' })
    await cluster.whole()
    t.equal(await restartsOf(cluster, 'web-1'), 0)
  },
)
