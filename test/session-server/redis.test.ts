/** A session server in a real Redis: what every session server does, and what is special about this one. */
import t, { type Test } from 'tap'
import { type Partition, partitionOf } from '../../lib/replication/ids.js'
import { RedisSessionServer } from '../../lib/session-server/gateways/redis-session-server.js'
import { needs } from '../support/needs.js'
import { TestRedis } from '../support/redis.js'
import { until } from '../support/until.js'
import { Conversation, mutation, replicaRulesTests } from './redis-rules.js'

needs('redis-server')

const P = partitionOf('s1')
const redis = await TestRedis.start(t)
let prefixes = 0

/** A session server of its own in the Redis that all tests share. */
async function open(t: Pick<Test, 'teardown'>, prefix = `test-${++prefixes}`): Promise<RedisSessionServer> {
  const server = await RedisSessionServer.open({ urls: [redis.url], prefix, timeoutMs: 10_000 })
  t.teardown(() => server.close())
  return server
}

replicaRulesTests(t, t => open(t))

t.test('all keys of a partition carry one hash tag, and end some time after what they keep', async t => {
  const owner = new Conversation(await open(t, 'layout'))
  owner.claim(P, 1)
  await owner.apply(
    mutation('s1', '{}'),
    mutation('s9', null, { partition: P, expires: Date.now() + 500_000 }),
  )
  const tag = `{layout:${P}}`
  const keys = await redis.keys('{layout:*')
  t.same(keys, [
    `${tag}:bytes`,
    `${tag}:fence`,
    `${tag}:live`,
    `${tag}:s:s1`,
    `${tag}:s:s9`,
    `${tag}:tombstones`,
    '{layout:probe}',
  ])
  const ends = Object.fromEntries(
    await Promise.all(keys.map(async key => [key.replace(tag, ''), Number(await redis.command('TTL', key))])),
  )
  t.equal(ends[':fence'], -1, 'the fence stays')
  t.ok(ends[':s:s1'] > 60 && ends[':s:s1'] < 500)
  t.ok(ends[':s:s9'] > 500)
  for (const index of [':live', ':tombstones', ':bytes']) {
    t.ok(ends[index] >= ends[':s:s9'] - 1, `${index} stays as long as any copy`)
  }
})

t.test('expired copies are swept away without being asked for, and counted off', async t => {
  const server = await open(t, 'swept')
  const owner = new Conversation(server)
  // The sweep comes by there a few seconds after the start.
  const partition = 150 as Partition
  const short = { partition, expires: Date.now() + 1 }
  const live = mutation('s1', '{}', { partition })
  await owner.apply(live, mutation('s2', 'xyz', short), mutation('s3', null, short))
  await until(async () => {
    const { sessions, tombstones } = await server.stats()
    return sessions + tombstones === 1
  })
  t.same(await server.stats(), { partitions: 1, sessions: 1, tombstones: 0, bytes: 2 })
  t.same(await redis.keys('{swept:*:s:*'), ['{swept:150}:s:s1'])
})

t.test(
  'two session servers with prefixes of their own share a Redis and see nothing of each other',
  async t => {
    const [one, two] = [new Conversation(await open(t)), new Conversation(await open(t))]
    await one.apply(mutation('s1', '"one"', { epoch: 5 }))
    t.same(await two.apply(mutation('s1', '"two"')), {})
    t.same(await one.read('s1'), ['"one"'])
    t.same(await two.read('s1'), ['"two"'])
  },
)

t.test('copies and fences are found again by the next session server of that prefix', async t => {
  const before = await open(t, 'again')
  await new Conversation(before).apply(mutation('s1', '{}', { epoch: 7 }))
  await before.close()
  const after = await open(t, 'again')
  t.equal((await after.fences())[P], 7)
  t.same(await new Conversation(after).read('s1'), ['{}'])
})

t.test('scripts that Redis has forgotten are sent again, and nothing is lost or overtaken', async t => {
  const owner = new Conversation(await open(t))
  for (let version = 1; version <= 300; version++) {
    if (version % 100 === 0) await redis.command('SCRIPT', 'FLUSH')
    owner.say({ type: 'apply', batch: version, mutations: [mutation('s1', String(version), { version })] })
  }
  t.same(await owner.read('s1'), ['300'])
  t.equal(owner.answers.filter(answer => answer.type === 'applied').length, 300)
})

t.test('a session server that is closed does not count as failed', async t => {
  const server = await open(t)
  const owner = new Conversation(server)
  let failed = false
  void server.failed.then(() => {
    failed = true
  })
  owner.say({ type: 'apply', batch: 1, mutations: [mutation('s1', '{}')] })
  await server.close()
  await redis.command('PING')
  t.notOk(failed)
})
