/** The number of web servers changes while the cluster is under load. */
import t from 'tap'
import { byName, startCluster, type TestCluster } from '../support/cluster.js'
import { Load } from '../support/load.js'
import { releases } from '../support/release.js'
import { until } from '../support/until.js'
import { Crowd, visit } from '../support/visitor.js'

const MEMORY = [
  { name: 'a', store: 'memory' },
  { name: 'b', store: 'memory' },
]
const CLIENTS = 64
/** Rest of a client between two requests, ms: leaves the machine something for the tests that run beside. `LOAD_PAUSE_MS=0` for none. */
const PAUSE_MS = Number(process.env.LOAD_PAUSE_MS ?? 25)

t.setTimeout(170_000)

async function partitionsOf(cluster: TestCluster): Promise<Record<string, number>> {
  return byName((await cluster.status()).webServers, of => of.partitions)
}

t.test('from 1 to 8 to 2 under load: no request fails, and no change is lost', async t => {
  const app = await releases(t)
  const cluster = await startCluster(t, {
    app: app.file,
    sessionServers: MEMORY,
    webServers: { threads: 1 },
  })
  const load = new Load({ url: cluster.url, clients: CLIENTS, sessions: 2, pauseMs: PAUSE_MS })
  t.teardown(() => load.kill())
  await until(async () => (await load.report()).increments > 4 * CLIENTS)
  for (const count of [8, 2]) {
    const { increments } = await load.report()
    await cluster.scale(count)
    const partitions = Object.values(await partitionsOf(cluster))
    t.same(partitions, new Array(count).fill(1024 / count), 'partitions are spread when it resolves')
    await until(async () => (await load.report()).increments > increments + 4 * CLIENTS)
  }
  const { failures, violations, requests } = await load.stop()
  t.comment(`${requests} requests`)
  t.same(failures, {})
  t.same(violations, [])
  t.same(
    (await cluster.status()).sessionServers.map(({ state }) => state),
    ['running', 'running'],
  )
})

t.test('the number of web servers', async t => {
  const app = await releases(t)
  const cluster = await startCluster(t, { app: app.file, sessionServers: MEMORY })
  const crowd = new Crowd(t, cluster.url, 40)
  await crowd.get('/')

  await t.test('a drained web server is gone, and none replaces it', async t => {
    const { stopped, webServers } = await cluster.drain('web-1')
    t.equal(stopped, 'web-1')
    t.same(webServers, ['web-2'])
    t.same(await partitionsOf(cluster), { 'web-2': 1024 })
    t.same(await crowd.get('/read'), ['200 1'])
  })

  await t.test('the last one stays, and so does what is no web server', async t => {
    await t.rejects(cluster.drain('web-2'), { code: 'LAST_WEB_SERVER' })
    await t.rejects(cluster.drain('web-9'), { code: 'UNKNOWN_ACTOR' })
    await t.rejects(cluster.drain('a'), { code: 'UNKNOWN_ACTOR' })
    for (const count of [0, 257, 1.5]) await t.rejects(cluster.scale(count), { code: 'SCALE_RANGE' })
  })

  await t.test('web servers that do not start change nothing', async t => {
    await app.break('throws')
    await t.rejects(cluster.scale(3), { code: 'SCALE_FAILED', cause: { code: 'APP_LOAD_FAILED' } })
    t.same(await partitionsOf(cluster), { 'web-2': 1024 })
    await app.release('mended')
    t.match(await cluster.scale(3), { started: ['web-1', 'web-3'], stopped: [], partitionsInUse: 0 })
    t.same(await crowd.get('/read'), ['200 1'])
  })

  await t.test('one that is lost while it hands over loses nothing', async t => {
    let killed = false
    await cluster.scale(1, {
      onProgress: ({ step, webServer }) => {
        if (step === 'draining' && !killed) void cluster.kill(webServer)
        killed = true
      },
    })
    t.same(await crowd.get('/read'), ['200 1'])
    t.same(await partitionsOf(cluster), { 'web-1': 1024 })
  })
})

t.test('autoscale adds web servers while event loops are busy', async t => {
  const app = await releases(t)
  const cluster = await startCluster(t, {
    app: app.file,
    sessionServers: MEMORY,
    webServers: { threads: 1, autoscale: { min: 1, max: 2 } },
  })
  const visitor = visit(t, cluster.url)
  while ((await cluster.status()).webServers.length < 2) {
    await Promise.all([visitor.get('/busy'), visitor.get('/busy'), visitor.get('/busy')])
  }
  await until(async () => (await partitionsOf(cluster))['web-2'] === 512)
  t.ok(cluster.logged.some(({ msg }) => msg === 'autoscale'))
})
