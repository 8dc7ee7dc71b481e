/** What can go wrong with a Redis: nothing is acknowledged falsely, and why it counts as lost has a code. */
import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { partitionOf } from '../../lib/replication/ids.js'
import { RedisSessionServer } from '../../lib/session-server/gateways/redis-session-server.js'
import { needs } from '../support/needs.js'
import { PERSISTENT, type RedisSettings, TestRedis } from '../support/redis.js'
import { until } from '../support/until.js'
import { Conversation, mutation } from './redis-rules.js'

needs('redis-server')

/** Long enough for a busy machine to answer, short enough to wait for. */
const TIMEOUT_MS = 3_000

interface Subject {
  readonly redis: TestRedis
  readonly server: RedisSessionServer
  readonly owner: Conversation
  /** The code of why it failed. */
  readonly failure: Promise<string>
}

async function open(t: Pick<Test, 'teardown'>, urls: readonly string[]): Promise<RedisSessionServer> {
  const server = await RedisSessionServer.open({ urls, prefix: 'test', timeoutMs: TIMEOUT_MS })
  t.teardown(() => server.close())
  return server
}

async function start(t: Pick<Test, 'teardown'>, settings: RedisSettings = {}): Promise<Subject> {
  const redis = await TestRedis.start(t, settings)
  const server = await open(t, [redis.url])
  return { redis, server, owner: new Conversation(server), failure: codeOf(server) }
}

async function codeOf(server: RedisSessionServer): Promise<string> {
  const error = await server.failed
  return 'code' in error ? String(error.code) : error.message
}

/** Sends a change that can't be acknowledged. */
function sayInVain(owner: Conversation, id = 's1'): void {
  owner.say({ type: 'apply', batch: 1_000, mutations: [mutation(id, '"in vain"', { version: 99 })] })
}

t.test(
  'a Redis that ends is found at once, without a request, and what was under way is not answered',
  async t => {
    const { redis, server, owner, failure } = await start(t)
    await owner.apply(mutation('s1', '{}'))
    await redis.kill()
    t.equal(await failure, 'REDIS_UNREACHABLE')
    sayInVain(owner)
    await t.rejects(server.stats(), { code: 'REDIS_UNREACHABLE' })
    t.notOk(owner.answers.some(answer => answer.type === 'applied' && answer.batch === 1_000))
  },
)

t.test(
  'a Redis that stands still is found within the time limit, whether anybody asks it or not',
  async t => {
    for (const isAsked of [true, false]) {
      const { redis, owner, failure } = await start(t)
      await owner.apply(mutation('s1', '{}'))
      redis.freeze()
      if (isAsked) sayInVain(owner)
      t.equal(await failure, 'REDIS_TIMEOUT')
      t.notOk(owner.answers.some(answer => answer.type === 'applied' && answer.batch === 1_000))
    }
  },
)

t.test('a Redis that is slow for less than the time limit loses nothing', async t => {
  const { redis, owner } = await start(t)
  redis.freeze()
  const applied = owner.apply(mutation('s1', '{}'))
  await wait(TIMEOUT_MS / 3)
  redis.thaw()
  t.same(await applied, {})
})

t.test('restarted with its data on disk it still has every copy and every fence', async t => {
  const { redis, owner, failure } = await start(t, PERSISTENT)
  await owner.apply(mutation('s1', '{"kept":true}', { epoch: 7 }))
  await redis.kill()
  await failure
  await redis.run()
  const server = await open(t, [redis.url])
  t.equal((await server.fences())[partitionOf('s1')], 7)
  const again = new Conversation(server)
  t.same(await again.read('s1'), ['{"kept":true}'])
  t.same(await again.apply(mutation('s1', '{}', { epoch: 6 })), { [partitionOf('s1')]: 7 })
})

t.test('restarted without it is empty, and takes copies again', async t => {
  const { redis, owner, failure } = await start(t)
  await owner.apply(mutation('s1', '{}', { epoch: 7 }))
  await redis.kill()
  await failure
  await redis.run()
  const again = new Conversation(await open(t, [redis.url]))
  t.same(await again.read('s1'), [null])
  t.same(await again.apply(mutation('s1', '"new"', { epoch: 8 })), {})
})

t.test(
  'out of memory it counts as lost, though it could be read, and can not be opened before there is room',
  async t => {
    const { redis, owner, failure } = await start(t, { maxmemory: '6mb', 'maxmemory-policy': 'noeviction' })
    let sent = 0
    let hasFailed = false
    void failure.then(() => {
      hasFailed = true
    })
    while (!hasFailed && sent < 500) {
      sent++
      owner.say({ type: 'apply', batch: sent, mutations: [mutation(`big-${sent}`, 'x'.repeat(60_000))] })
      await until(() => hasFailed || owner.answers.length === sent)
    }
    t.equal(await failure, 'REDIS_OUT_OF_MEMORY')
    const acknowledged = owner.answers.length
    t.ok(acknowledged > 0 && acknowledged < sent, `${acknowledged} of ${sent} were acknowledged`)
    await redis.command('CONFIG', 'SET', 'maxmemory', '1mb')
    await t.rejects(open(t, [redis.url]), { code: 'REDIS_OUT_OF_MEMORY' })
    await redis.command('CONFIG', 'SET', 'maxmemory', '100mb')
    const again = new Conversation(await open(t, [redis.url]))
    const ids = Array.from({ length: acknowledged }, (_, index) => `big-${index + 1}`)
    t.ok(
      (await again.read(...ids)).every(data => data !== null),
      'everything acknowledged is there',
    )
  },
)

t.test('one that would evict sessions when it is full is refused at once', async t => {
  const redis = await TestRedis.start(t, { maxmemory: '50mb', 'maxmemory-policy': 'allkeys-lru' })
  await t.rejects(open(t, [redis.url]), { code: 'REDIS_EVICTS' })
})

t.test('one that begins to follow another is lost, even when nobody changes anything', async t => {
  const leader = await TestRedis.start(t)
  const { redis, failure } = await start(t)
  await redis.command('REPLICAOF', '127.0.0.1', String(leader.port))
  t.match(await failure, /REDIS_READ_ONLY|REDIS_NOT_READY/)
  await until(async () =>
    String(await redis.command('INFO', 'replication')).includes('master_link_status:up'),
  )
  await t.rejects(open(t, [redis.url]), { code: 'REDIS_READ_ONLY' })
  await redis.command('REPLICAOF', 'NO', 'ONE')
  t.same(await new Conversation(await open(t, [redis.url])).apply(mutation('s1', '{}')), {})
})

t.test('one that refuses changes, as for want of followers, is lost', async t => {
  const { redis, owner, failure } = await start(t)
  await redis.command('CONFIG', 'SET', 'min-replicas-to-write', '1')
  sayInVain(owner)
  t.equal(await failure, 'REDIS_REFUSES_CHANGES')
})

t.test('a wrong password, or none, is told as what it is, and is not shown', async t => {
  const redis = await TestRedis.start(t, { requirepass: 'correct' })
  const withPassword = (password: string) => redis.url.replace('//', `//:${password}@`)
  const refusal = { code: 'REDIS_AUTH', message: /^(?!.*secret-guess)/ }
  await t.rejects(open(t, [withPassword('secret-guess')]), refusal)
  await t.rejects(open(t, [redis.url]), { code: 'REDIS_AUTH' })
  await open(t, [withPassword('correct')])
  const free = await TestRedis.start(t)
  await t.rejects(open(t, [free.url.replace('//', '//:secret-guess@')]), refusal)
})

t.test('one that is not there, or hangs, is told within the time limit', async t => {
  const redis = await TestRedis.start(t)
  redis.freeze()
  await t.rejects(open(t, [redis.url]), { code: 'REDIS_TIMEOUT' })
  await redis.kill()
  await t.rejects(open(t, [redis.url]), { code: 'REDIS_UNREACHABLE', message: /127\.0\.0\.1:\d+/ })
})

t.test('of several addresses one that answers is enough, but they must be a cluster', async t => {
  const redis = await TestRedis.start(t)
  await t.rejects(open(t, ['redis://127.0.0.1:1', redis.url]), { code: 'REDIS_UNSUITABLE' })
})
