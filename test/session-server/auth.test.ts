/** Who may come in, and how little it costs to turn the others away. */
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { newNonce } from '../../lib/session-server/protocol/signature.js'
import { DEFAULT_LIMITS } from '../../lib/session-server/service/limits.js'
import type { Refusal } from '../../lib/session-server/service/refusals.js'
import { startService } from '../../lib/session-server/service/service.js'
import { until } from '../support/until.js'
import { gateway, KEY, memoryServer, openStream, partOf, send, service, signed } from './remote-harness.js'
import { applyOf, mutationOf, TestOwner } from './session-server-tests.js'

const OTHER = { id: 'other', secret: 'another secret of 32 characters...' }

t.test(
  'a request that fails authentication gets the same answer whatever was wrong, and is counted',
  async t => {
    const { url, stats } = await service(t)
    const nonce = newNonce()
    t.equal((await send(url, signed({}, { nonce }))).status, 200)
    const good = signed({}).headers?.authorization ?? ''
    const refused: [Refusal, Parameters<typeof send>[1]][] = [
      ['unsigned', {}],
      ['malformedHead', { headers: { authorization: 'Bearer letmein' } }],
      ['malformedHead', { headers: { authorization: good.replace(/.$/, '') } }],
      ['unknownKey', signed({}, { key: OTHER })],
      ['wrongMac', signed({}, { key: { ...OTHER, id: KEY.id } })],
      ['wrongMac', { ...signed({}), path: '/v1/servers/a/stats' }],
      ['wrongMac', { ...signed({ path: '/v1/servers/a/stats' }), path: '/v1/servers/a/stats?more' }],
      ['wrongMac', { ...signed({}), method: 'POST' }],
      ['stale', signed({}, { time: Date.now() - 61_000 })],
      ['stale', signed({}, { time: Date.now() + 61_000 })],
      ['replayed', signed({}, { nonce })],
    ]
    const counts: Partial<Record<Refusal, number>> = {}
    for (const [refusal, call] of refused) {
      const answer = await send(url, call)
      counts[refusal] = (counts[refusal] ?? 0) + 1
      t.match(answer, { status: 401, body: '' }, refusal)
      t.strictSame(Object.keys(answer.headers).sort(), ['connection', 'content-length', 'date'])
    }
    t.match(stats().refused, counts)
    t.equal(stats().admitted, 1)
  },
)

t.test('an altered body is refused before anything of it is applied', async t => {
  const server = memoryServer(t)
  const { url, stats } = await service(t, { servers: new Map([['a', server]]) })
  const stream = await openStream(url)
  const call = partOf(stream, 1, applyOf(1, mutationOf('s1', '"altered"')))
  const answer = await send(
    url,
    signed(call, { signedBody: partOf(stream, 1, applyOf(1, mutationOf('s1'))).body ?? '' }),
  )
  t.match(answer, { status: 401, body: '' })
  t.equal(stats().refused.alteredBody, 1)
  t.equal((await server.stats()).sessions, 0)
  t.equal(
    (await send(url, signed(partOf(stream, 1, applyOf(1, mutationOf('s1')))))).status,
    409,
    'its stream is over',
  )
})

t.test('a request that was stamped before the service began is stale: its nonces were lost', async t => {
  const time = Date.now() - 1_000
  const { url, stats } = await service(t)
  t.equal((await send(url, signed({}, { time }))).status, 401)
  t.equal(stats().refused.stale, 1)
})

t.test(
  'the time window is the one that is configured, both ways, and a nonce is not forgotten within it',
  async t => {
    const windowMs = 600_000
    const { url, stats } = await service(t, { limits: { ...DEFAULT_LIMITS, windowMs } })
    const ahead = signed({}, { time: Date.now() + windowMs - 60_000 })
    t.equal((await send(url, ahead)).status, 200)
    for (let times = 0; times < 20; times++) await send(url, signed({}))
    t.equal((await send(url, ahead)).status, 401)
    t.equal(stats().refused.replayed, 1)
  },
)

t.test('the memory of nonces is bounded: at its end requests are refused, not let in unseen', async t => {
  const { url, stats } = await service(t, { limits: { ...DEFAULT_LIMITS, nonces: 3 } })
  for (let times = 0; times < 3; times++) t.equal((await send(url, signed({}))).status, 200)
  t.equal((await send(url, {})).status, 401)
  t.match(await send(url, signed({})), { status: 503, body: /BUSY/ })
  t.equal(stats().refused.busy, 1)
})

t.test('while keys are changed each of them is let in', async t => {
  const { url } = await service(t, { keys: [KEY, OTHER] })
  for (const key of [KEY, OTHER]) {
    const owner = new TestOwner(await gateway(t, url, { keys: [key] }))
    t.match(await owner.ask(applyOf(1, mutationOf('s1'))), { type: 'applied' })
  }
})

t.test(
  'an oversized body is refused by its head: unread, and without a word to those without a key',
  async t => {
    const { url, stats } = await service(t, { limits: { ...DEFAULT_LIMITS, bodyBytes: 1_000 } })
    const stream = await openStream(url)
    const call = partOf(stream, 1, applyOf(1, mutationOf('s1', 'x'.repeat(2_000))))
    const length = { 'content-length': String(2 ** 40) }
    // Whose body is still on its way may be cut before it reads the answer.
    t.match((await send(url, { ...call, headers: length })).status, /^(401|0)$/)
    t.match(await send(url, { ...signed({ method: 'POST', headers: length }), body: '' }), {
      status: /^(413|0)$/,
    })
    t.match((await send(url, signed(call))).status, /^(413|0)$/)
    t.match(await send(url, signed({ method: 'POST', headers: { 'transfer-encoding': 'chunked' } })), {
      status: 411,
    })
    t.match(stats().refused, { unsigned: 1, tooLarge: 2, lengthRequired: 1 })
    t.equal((await send(url, signed({}))).status, 200)
  },
)

t.test('slow senders are cut, of a head or of a body, and others are served meanwhile', async t => {
  const limits = { ...DEFAULT_LIMITS, headTimeoutMs: 300, bodyTimeoutMs: 300 }
  const { url, port, stats } = await service(t, { limits })
  const stream = await openStream(url)
  const call = signed(partOf(stream, 1, applyOf(1, mutationOf('s1'))))
  const heads = [
    '',
    'GET /v1/health HTTP/1.1\r\nhost: a\r\n',
    `POST ${call.path} HTTP/1.1\r\nhost: a\r\nauthorization: ${call.headers?.authorization}\r\n` +
      `content-length: ${call.body?.length}\r\n\r\n{"type`,
  ]
  const sockets = heads.map(head => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => undefined)
    socket.write(head)
    return socket.resume()
  })
  const cut = Promise.all(sockets.map(socket => once(socket, 'close')))
  t.equal((await send(url, signed({}))).status, 200)
  await cut
  t.equal(stats().refused.slow, heads.length)
  t.equal((await send(url, signed(partOf(stream, 2)))).status, 409, 'the stream of a cut part is over')
})

t.test('bytes that are no HTTP are cut and counted', async t => {
  const { port, stats } = await service(t)
  const socket = connect(port, '127.0.0.1')
  const closed = once(socket, 'close')
  socket.on('error', () => undefined)
  socket.resume().write('SSH-2.0-OpenSSH_9.2\r\n\r\n')
  await closed
  t.equal(stats().refused.badHttp, 1)
})

t.test('connections beyond the limit are dropped and counted', async t => {
  const { url, port, stats } = await service(t, { limits: { ...DEFAULT_LIMITS, connections: 1 } })
  const holder = connect(port, '127.0.0.1')
  await once(holder, 'connect')
  await until(() => stats().connections === 1)
  t.equal((await send(url, signed({}))).status, 0)
  t.equal(stats().refused.connections, 1)
  holder.destroy()
  await until(() => stats().connections === 0)
  t.equal((await send(url, signed({}))).status, 200)
})

t.test('a flood without a key leaves the session server responsive', async t => {
  const { url, stats } = await service(t)
  const owner = new TestOwner(await gateway(t, url))
  const flood = Array.from({ length: 200 }, () => send(url, { method: 'POST', body: 'x'.repeat(10_000) }))
  for (let batch = 0; batch < 20; batch++)
    await owner.ask(applyOf(batch, mutationOf('s1', '{}', { version: batch + 1 })))
  await Promise.all(flood)
  t.equal(stats().refused.unsigned, 200)
})

t.test('without a key it listens on loopback only', async t => {
  const options = { port: 0, servers: new Map(), keys: [], tls: null, limits: DEFAULT_LIMITS }
  for (const host of ['0.0.0.0', '::', '192.0.2.1']) {
    await t.rejects(startService({ ...options, host }), { code: 'SERVICE_KEY_REQUIRED' })
  }
  const { url } = await service(t, {
    ...options,
    servers: new Map([['a', memoryServer(t)]]),
    host: 'localhost',
  })
  const owner = new TestOwner(await gateway(t, url, { keys: [] }))
  t.match(await owner.ask(applyOf(1, mutationOf('s1'))), { type: 'applied' })
})

t.test('an address that is taken, or none of this host, is one clear error', async t => {
  const { port } = await service(t)
  const options = { port, servers: new Map(), keys: [KEY], tls: null, limits: DEFAULT_LIMITS }
  await t.rejects(startService({ ...options, host: '127.0.0.1' }), {
    code: 'SERVICE_LISTEN',
    cause: { code: 'EADDRINUSE' },
  })
  await t.rejects(startService({ ...options, host: '192.0.2.1' }), { code: 'SERVICE_LISTEN' })
})
