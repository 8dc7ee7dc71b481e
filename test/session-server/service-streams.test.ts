/** Message streams as the service keeps them: order, ends, and what goes wrong with one part. */
import t from 'tap'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { DEFAULT_LIMITS } from '../../lib/session-server/service/limits.js'
import type { SessionServer } from '../../lib/session-server/session-server.js'
import { until } from '../support/until.js'
import { memoryServer, openStream, partOf, send, service, signed } from './remote-harness.js'
import { applyOf, claimOf, mutationOf, readOf } from './session-server-tests.js'

t.test('parts that arrive in another order are handed on in theirs', async t => {
  const order: number[] = []
  const server: SessionServer = {
    ...quiet(),
    receive(message, answer) {
      if (message.type !== 'read') return
      order.push(message.call)
      answer({ type: 'found', call: message.call, copies: [] })
    },
  }
  const { url, stats } = await service(t, { servers: new Map([['a', server]]) })
  const stream = await openStream(url)
  const late = [3, 2].map(number => send(url, signed(partOf(stream, number, readOf(number)))))
  await until(() => stats().requests === 2)
  t.strictSame(order, [])
  const answers = await Promise.all([send(url, signed(partOf(stream, 1, readOf(1)))), ...late])
  t.strictSame(order, [1, 2, 3])
  t.ok(answers.every(({ status }) => status === 200))
})

t.test('a part that comes twice, or far ahead, ends the stream', async t => {
  const { url, stats } = await service(t)
  for (const wrong of [1, 40]) {
    const stream = await openStream(url)
    t.equal((await send(url, signed(partOf(stream, 1, readOf(1))))).status, 200)
    const answer = await send(url, signed(partOf(stream, wrong, readOf(2))))
    t.equal(answer.status, 409)
    t.match(answer.body, /^\{"code":"STREAM_ENDED"/)
    t.equal((await send(url, signed(partOf(stream, 2, readOf(3))))).status, 409)
  }
  t.equal(stats().refused.streamEnded, 4)
  t.equal(stats().streams, 0)
})

t.test(
  'a newer stream of the same client ends the earlier one: what is left of it is not applied',
  async t => {
    const server = memoryServer(t)
    const { url } = await service(t, { servers: new Map([['a', server]]) })
    const earlier = await openStream(url, 'web-host')
    const other = await openStream(url, 'another host')
    const later = await openStream(url, 'web-host')
    const late = await send(url, signed(partOf(earlier, 1, applyOf(1, mutationOf('s1')))))
    t.equal(late.status, 409)
    t.equal((await server.stats()).sessions, 0)
    for (const stream of [other, later]) {
      const answer = await send(url, signed(partOf(stream, 1, applyOf(1, mutationOf(stream)))))
      t.equal(answer.status, 200)
    }
    t.equal((await server.stats()).sessions, 2)
  },
)

t.test('a part that waits for its turn is refused when its stream ends', async t => {
  const { url, stats } = await service(t)
  const stream = await openStream(url, 'web-host')
  const waiting = send(url, signed(partOf(stream, 2, readOf(1))))
  await until(() => stats().requests === 1)
  await openStream(url, 'web-host')
  t.equal((await waiting).status, 409)
})

t.test('nothing of a part with a message that is none is applied, and the stream ends', async t => {
  const server = memoryServer(t)
  const { url, stats } = await service(t, { servers: new Map([['a', server]]) })
  const good = applyOf(1, mutationOf('s1'))
  for (const bad of ['{', 'null', { type: 'unknown' }, { type: 'apply', batch: 1, mutations: [{}] }]) {
    const stream = await openStream(url)
    const answer = await send(url, signed(partOf(stream, 1, good, bad)))
    t.equal(answer.status, 400)
    t.match(answer.body, /^\{"code":"MALFORMED"/)
    t.equal((await send(url, signed(partOf(stream, 2, good)))).status, 409)
  }
  t.equal((await server.stats()).sessions, 0)
  t.equal(stats().refused.malformed, 4)
})

t.test('fields that this version does not know are ignored', async t => {
  const { url } = await service(t)
  const stream = await openStream(url)
  const message = { ...applyOf(1, { ...mutationOf('s1'), ...{ colour: 'red' } }), later: [1] }
  const answer = await send(url, signed(partOf(stream, 1, message, claimOf(2, 's1'))))
  t.match(answer, { status: 200, body: /^\{"type":"applied","batch":1,"fenced":\[\]\}\n# end / })
})

t.test('a session server that fails is lost to its streams at once, and the others live on', async t => {
  let fail: (error: Error) => void = () => undefined
  const failed = new Promise<Error>(resolve => {
    fail = resolve
  })
  const broken: SessionServer = { ...quiet(), failed }
  const servers = new Map<string, SessionServer>([
    ['a', broken],
    ['b', memoryServer(t)],
  ])
  const { url, stats } = await service(t, { servers })
  const stream = await openStream(url)
  const unanswered = send(url, signed(partOf(stream, 1, readOf(1, 's1'))))
  await until(() => stats().messages === 1)
  fail(new Error('its disk is full'))
  t.match(await unanswered, { status: 0 }, 'cut, not completed')
  t.match(await send(url, signed({ path: '/v1/servers/a/stats' })), {
    status: 503,
    body: /SESSION_SERVER_LOST/,
  })
  t.match(await send(url, signed({ path: '/v1/servers/b/stats' })), { status: 200, body: /"sessions":0/ })
  t.match(await send(url, signed({})), { body: /"servers":\["b"\]/ })
  servers.set('a', memoryServer(t))
  t.match(await send(url, signed({ path: '/v1/servers/a/stats' })), { status: 200 })
})

t.test('resources that do not exist are refused with a code, and only with a key', async t => {
  const { url, stats } = await service(t)
  const calls = [
    { path: '/' },
    { path: '/v2/health' },
    { path: '/v1/servers/z/stats' },
    { path: '/v1/servers/a/stats', method: 'DELETE' },
  ]
  for (const call of calls) {
    t.match(await send(url, signed(call)), {
      status: 404,
      body: /^\{"code":"NOT_FOUND","protocol":\{"major":1,/,
    })
    t.strictSame((await send(url, call)).body, '')
  }
  t.equal(stats().refused.notFound, calls.length)
  t.equal(stats().refused.unsigned, calls.length)
})

t.test('a client of another major version is refused, one of another minor version is not', async t => {
  const { url } = await service(t)
  const open = (protocol: unknown): ReturnType<typeof send> => {
    const body = JSON.stringify({ client: 'c', protocol, more: 'than known' })
    return send(url, signed({ method: 'POST', path: '/v1/servers/a/streams', body }))
  }
  t.match(await open({ major: 2, minor: 0 }), {
    status: 400,
    body: /^\{"code":"VERSION","protocol":\{"major":1/,
  })
  t.match(await open({ major: 1, minor: 9 }), { status: 200, body: /"minor":0\}/ })
  t.match(await open('1.0'), { status: 400, body: /MALFORMED/ })
})

t.test('streams are bounded', async t => {
  const { url, stats } = await service(t, { limits: { ...DEFAULT_LIMITS, streams: 2 } })
  for (const client of ['one', 'two']) await openStream(url, client)
  const body = JSON.stringify({ client: 'three', protocol: { major: 1, minor: 0 } })
  const answer = await send(url, signed({ method: 'POST', path: '/v1/servers/a/streams', body }))
  t.match(answer, { status: 503, body: /^\{"code":"BUSY"/ })
  t.equal(stats().streams, 2)
  t.equal(stats().refused.busy, 1)
})

/** A session server that never answers and never fails. */
function quiet(): SessionServer {
  return {
    receive: (_message: ToReplica, _answer: (answer: FromReplica) => void) => undefined,
    stats: async () => ({ partitions: 0, sessions: 0, tombstones: 0, bytes: 0 }),
    fences: async () => [],
    holdsInMemory: false,
    failed: new Promise(() => undefined),
    close: async () => undefined,
  }
}
