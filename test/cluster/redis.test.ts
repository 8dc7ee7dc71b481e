/** Sessions in a real Redis behind a real cluster: alone, and together with a session server in memory. */
import t, { type Test } from 'tap'
import { byName, sessionsOf, startCluster, type TestCluster } from '../support/cluster.js'
import { needs } from '../support/needs.js'
import { PERSISTENT, TestRedis } from '../support/redis.js'
import { until } from '../support/until.js'
import { Crowd } from '../support/visitor.js'

needs('redis-server')

const SESSIONS = 60
/** A busy machine must not look like a lost one. */
const CLUSTER = { timeout: '5s' }

function inRedis({ url }: TestRedis): Record<string, unknown> {
  return { name: 'r', store: 'redis', redis: url }
}

async function stateOf(cluster: TestCluster, name: string): Promise<string | undefined> {
  const { sessionServers } = await cluster.status()
  return sessionServers.find(server => server.name === name)?.state
}

async function mixed(t: Test, redis: TestRedis): Promise<TestCluster> {
  const sessionServers = [{ name: 'm', store: 'memory' }, inRedis(redis)]
  return await startCluster(t, { sessionServers, cluster: CLUSTER })
}

t.test(
  'takeover from Redis: the only copies are there, and sessions carry on at another web server',
  async t => {
    const redis = await TestRedis.start(t)
    const cluster = await startCluster(t, { sessionServers: [inRedis(redis)], cluster: CLUSTER })
    const crowd = new Crowd(t, cluster.url, SESSIONS)
    t.same(await crowd.get('/'), ['200 1'])
    await cluster.whole()
    await cluster.lose('web-1')
    t.same(await crowd.get('/'), ['200 2'])
    await cluster.lose('web-1', 'web-2')
    t.same(await crowd.get('/'), ['200 3'], 'all caches lost')
    t.equal(sessionsOf((await cluster.whole()).sessionServers), SESSIONS)
  },
)

t.test('a new start finds its sessions in Redis again', async t => {
  const redis = await TestRedis.start(t)
  const config = { sessionServers: [inRedis(redis)], cluster: CLUSTER }
  const before = await startCluster(t, config)
  const crowd = new Crowd(t, before.url, SESSIONS)
  t.same(await crowd.get('/'), ['200 1'])
  const { port } = new URL(before.url)
  await before.stop()
  await startCluster(t, { ...config, listen: { port: Number(port) } })
  t.same(await crowd.get('/'), ['200 2'])
})

for (const [how, settings] of [
  ['empty', {}],
  ['with its data', PERSISTENT],
] as const) {
  t.test(
    `Redis killed and restarted ${how} under requests: nothing is lost, and it has all again`,
    async t => {
      const redis = await TestRedis.start(t, settings)
      const cluster = await mixed(t, redis)
      const crowd = new Crowd(t, cluster.url, SESSIONS)
      t.same(await crowd.get('/'), ['200 1'])
      await cluster.whole()
      await redis.kill()
      let count = 1
      for (; count < 4; count++) t.same(await crowd.get('/'), [`200 ${count + 1}`], 'while it is away')
      await until(async () => (await stateOf(cluster, 'r')) !== 'running')
      const lost = cluster.logged.find(({ msg, actor }) => msg === 'lost' && actor === 'r')
      t.equal(lost?.err?.code, 'REDIS_UNREACHABLE')
      await redis.run()
      for (; count < 7; count++) t.same(await crowd.get('/'), [`200 ${count + 1}`], 'while it comes back')
      const { sessionServers } = await cluster.whole()
      t.same(
        byName(sessionServers, ({ partitions }) => partitions),
        { m: 1024, r: 1024 },
      )
      await until(async () => sessionsOf((await cluster.status()).sessionServers) === 2 * SESSIONS)
      await cluster.lose('m', 'web-1', 'web-2')
      t.same(await crowd.get('/'), [`200 ${count + 1}`], 'then all else is lost')
    },
  )
}

t.test(
  'Redis out of memory: it counts as lost with a clear error, requests are served, and it comes back',
  async t => {
    const redis = await TestRedis.start(t, { 'maxmemory-policy': 'noeviction' })
    const cluster = await mixed(t, redis)
    const crowd = new Crowd(t, cluster.url, SESSIONS)
    t.same(await crowd.get('/'), ['200 1'])
    await cluster.whole()
    await redis.command('CONFIG', 'SET', 'maxmemory', '1mb')
    t.same(await crowd.get('/'), ['200 2'])
    await until(async () => (await stateOf(cluster, 'r')) !== 'running')
    t.ok(cluster.logged.some(({ actor, err }) => actor === 'r' && err?.code === 'REDIS_OUT_OF_MEMORY'))
    t.same(await crowd.get('/'), ['200 3'])
    await redis.command('CONFIG', 'SET', 'maxmemory', '0')
    await cluster.whole()
    await cluster.lose('m', 'web-1', 'web-2')
    t.same(await crowd.get('/'), ['200 4'], 'brought up to date before it counted')
  },
)
