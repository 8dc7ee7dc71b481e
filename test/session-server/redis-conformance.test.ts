/** The suite of every session server, over one in a real Redis. */
import t from 'tap'
import { RedisSessionServer } from '../../lib/session-server/gateways/redis-session-server.js'
import { needs } from '../support/needs.js'
import { TestRedis } from '../support/redis.js'
import { sessionServerTests } from './session-server-tests.js'

needs('redis-server')

const redis = await TestRedis.start(t)
let prefixes = 0

sessionServerTests(t, async t => {
  const prefix = `test-${++prefixes}`
  const server = await RedisSessionServer.open({ urls: [redis.url], prefix, timeoutMs: 10_000 })
  t.teardown(() => server.close())
  return server
})
