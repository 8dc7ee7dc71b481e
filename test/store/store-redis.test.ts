/** Stores outside of Troupe that share their session servers: one owner at a time. */
import t from 'tap'
import { needs } from '../support/needs.js'
import { TestRedis } from '../support/redis.js'
import { until } from '../support/until.js'
import { makeStore, sessionOf } from './harness.js'

needs('redis-server')

t.test('of two processes with the same session servers the later one wins', async t => {
  const redis = await TestRedis.start(t)
  const options = { sessionServers: [{ name: 'a', store: 'redis', redis: redis.url }] }
  const first = makeStore(t, options)
  await first.store.set('shared', sessionOf({ by: 'first' }))
  const second = makeStore(t, options)
  t.match(await second.store.get('shared'), { by: 'first' })
  await second.store.set('shared', sessionOf({ by: 'second' }))

  await t.rejects(first.store.set('shared', sessionOf({ by: 'first again' })), {
    code: 'OWNERSHIP_LOST',
    message: /Another process/,
  })
  t.match(
    first.logged.filter(({ level }) => level === 50),
    [{ err: { code: 'OWNERSHIP_LOST' }, msg: 'the session servers have another owner' }],
    'it says so, once',
  )
  await t.rejects(first.store.get('shared'), { code: 'OWNERSHIP_LOST' }, 'what it has cached may be old')
  await t.rejects(first.store.set('another', sessionOf({})), { code: 'OWNERSHIP_LOST' })
  await t.rejects(first.store.ready(), { code: 'OWNERSHIP_LOST' })
  await first.store.close()

  t.match(await second.store.get('shared'), { by: 'second' }, 'what was refused has changed nothing')
  await second.store.set('shared', sessionOf({ by: 'second again' }))
  t.match(await second.store.get('shared'), { by: 'second again' })
})

t.test('a session server that comes back empty is brought up to date from the other', async t => {
  const [a, b] = [await TestRedis.start(t), await TestRedis.start(t)]
  const { store, logged } = makeStore(t, {
    sessionServers: [
      { name: 'a', store: 'redis', redis: a.url },
      { name: 'b', store: 'redis', redis: b.url },
    ],
  })
  const ids = Array.from({ length: 30 }, (_, index) => `session-${index}`)
  await Promise.all(ids.map(id => store.set(id, sessionOf({ id }))))
  await a.kill()
  await Promise.all(ids.map(id => store.set(id, sessionOf({ id, again: true }))))
  await until(() => logged.some(({ msg, actor }) => msg === 'lost' && actor === 'a'))
  await a.run()
  const copied = async () => (await a.keys('{troupe:*}:s:*')).length
  await until(async () => (await copied()) === ids.length)
  await store.close()
  await b.kill()
  const next = makeStore(t, { sessionServers: [{ name: 'a', store: 'redis', redis: a.url }] }).store
  for (const id of ids) t.match(await next.get(id), { id, again: true })
})
