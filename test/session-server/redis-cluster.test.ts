/** A session server in a Redis Cluster of three members on loopback. */
import t, { type Test } from 'tap'
import { RedisSessionServer } from '../../lib/session-server/gateways/redis-session-server.js'
import { needs } from '../support/needs.js'
import { TestRedis } from '../support/redis.js'
import { until } from '../support/until.js'
import { Conversation, mutation, replicaRulesTests } from './redis-rules.js'

needs('redis-server')

/** Every slot's number is below this. */
const SLOTS = 16_384

/** Redis servers that form a cluster, slots dealt out evenly. */
async function startRedisCluster(t: Pick<Test, 'teardown'>): Promise<readonly TestRedis[]> {
  const settings = { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000' }
  const members = await Promise.all([1, 2, 3].map(() => TestRedis.start(t, settings)))
  const [first] = members
  if (first === undefined) throw new Error('there is no member')
  for (const [index, member] of members.entries()) {
    const from = Math.ceil((index * SLOTS) / members.length)
    const to = Math.ceil(((index + 1) * SLOTS) / members.length) - 1
    await member.command('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to))
    if (member !== first) await member.command('CLUSTER', 'MEET', '127.0.0.1', String(first.port))
  }
  await until(async () => {
    const infos = await Promise.all(members.map(member => member.command('CLUSTER', 'INFO')))
    return infos.every(
      info => /cluster_state:ok/.test(String(info)) && /cluster_known_nodes:3/.test(String(info)),
    )
  })
  return members
}

/** The whole file: what the cluster consists of has to stay until its end. */
const all = t
const members = await startRedisCluster(all)
const urls = members.map(({ url }) => url)
let prefixes = 0

async function open(t: Pick<Test, 'teardown'>, prefix = `test-${++prefixes}`): Promise<RedisSessionServer> {
  const server = await RedisSessionServer.open({ urls, prefix, timeoutMs: 10_000 })
  t.teardown(() => server.close())
  return server
}

const ids = Array.from({ length: 300 }, (_, index) => `s${index}`)

replicaRulesTests(t, t => open(t))

t.test('partitions are spread over the members, each on one of them', async t => {
  const owner = new Conversation(await open(t, 'spread'))
  await owner.apply(...ids.map(id => mutation(id, '{}')))
  const partitionsAt = await Promise.all(
    members.map(async member => {
      const keys = await member.keys('{spread:*')
      return new Set(keys.map(key => key.slice(0, key.indexOf('}'))))
    }),
  )
  const [one, two, three] = partitionsAt
  if (one === undefined || two === undefined || three === undefined) throw new Error('a member is missing')
  t.ok(one.size > 0 && two.size > 0 && three.size > 0)
  t.notOk([...one].some(partition => two.has(partition) || three.has(partition)))
  t.notOk([...two].some(partition => three.has(partition)))
})

t.test(
  'a partition whose slot moves to another member stays whole, and order is kept (ASK, TRYAGAIN, MOVED)',
  async t => {
    const server = await open(t, 'moving')
    const owner = new Conversation(server)
    const [first, second] = members
    if (first === undefined || second === undefined) throw new Error('a member is missing')
    await owner.apply(mutation('s1', '0'))
    const key = (await Promise.all(members.map(member => member.keys('{moving:*s:s1')))).flat()[0] ?? ''
    const slot = String(await first.command('CLUSTER', 'KEYSLOT', key))
    const slotKeys = (member: TestRedis) => member.command('CLUSTER', 'GETKEYSINSLOT', slot, '100')
    const holders = await Promise.all(
      members.map(async member => ((await slotKeys(member)) as string[]).length),
    )
    const from = members[holders.findIndex(count => count > 0)] ?? first
    const to = from === first ? second : first
    const fromId = String(await from.command('CLUSTER', 'MYID'))
    const toId = String(await to.command('CLUSTER', 'MYID'))

    await to.command('CLUSTER', 'SETSLOT', slot, 'IMPORTING', fromId)
    await from.command('CLUSTER', 'SETSLOT', slot, 'MIGRATING', toId)
    let version = 1
    const change = () => {
      version++
      owner.say({ type: 'apply', batch: version, mutations: [mutation('s1', String(version), { version })] })
    }
    const keys = (await slotKeys(from)) as string[]
    for (const each of keys) {
      change()
      await from.command('MIGRATE', '127.0.0.1', String(to.port), each, '0', '5000')
      change()
    }
    change()
    for (const member of members) await member.command('CLUSTER', 'SETSLOT', slot, 'NODE', toId)
    change()
    await until(() => owner.answers.some(answer => answer.type === 'applied' && answer.batch === version))
    t.same(await owner.read('s1'), [String(version)])
    const batches = owner.answers.flatMap(answer => (answer.type === 'applied' ? [answer.batch] : []))
    t.same(
      batches.slice(1),
      Array.from({ length: version - 1 }, (_, index) => index + 2),
      'in order, none twice',
    )
    t.match(await server.stats(), { sessions: 1, tombstones: 0 })
    t.equal(((await slotKeys(from)) as string[]).length, 0)
  },
)

t.test(
  'a member that another has taken over from makes the session server lost, since changes may be missing',
  async t => {
    const second = members[1]
    if (second === undefined) throw new Error('a member is missing')
    const follower = await TestRedis.start(all, { 'cluster-enabled': 'yes' })
    await follower.command('CLUSTER', 'MEET', '127.0.0.1', String(second.port))
    const id = String(await second.command('CLUSTER', 'MYID'))
    await until(async () => String(await follower.command('CLUSTER', 'NODES')).includes(id))
    await follower.command('CLUSTER', 'REPLICATE', id)
    await until(async () =>
      String(await follower.command('INFO', 'replication')).includes('master_link_status:up'),
    )
    const server = await open(t)
    const owner = new Conversation(server)
    await owner.apply(...ids.map(each => mutation(each, '{}')))
    await follower.command('CLUSTER', 'FAILOVER', 'TAKEOVER')
    await until(async () => String(await second.command('INFO', 'replication')).includes('role:slave'))
    owner.say({ type: 'apply', batch: 999, mutations: ids.map(each => mutation(each, '{}', { version: 2 })) })
    t.match(await server.failed, { code: 'REDIS_FAILED_OVER' })
    t.notOk(owner.answers.some(answer => answer.type === 'applied' && answer.batch === 999))
  },
)

t.test('a member that is lost makes the session server lost', async t => {
  const server = await open(t)
  await members[2]?.kill()
  const error = await server.failed
  t.match(error, { code: /REDIS_(UNREACHABLE|NOT_READY)/ })
})
