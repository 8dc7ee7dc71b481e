/** The listener of session servers: whatever comes without a key changes nothing, whatever comes with one stays within it. */
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { DEFAULT_LIMITS } from '../../lib/session-server/service/limits.js'
import { memoryServer, openStream, partOf, send, service, signed } from '../session-server/remote-harness.js'
import { applyOf, mutationOf, readOf, TestOwner } from '../session-server/session-server-tests.js'
import { provoke } from './answers.js'
import { FRAMING } from './corpus/framing.js'
import { HEADS } from './corpus/heads.js'

/** Fixed, so that every run of CI tries the same. */
const SEED = 20_261_124

/** A service with an owner on it that must not notice. */
async function attackedService(t: Test) {
  const server = memoryServer(t)
  const limits = { ...DEFAULT_LIMITS, headTimeoutMs: 500, bodyTimeoutMs: 500 }
  const { url, port, stats } = await service(t, { servers: new Map([['a', server]]), limits })
  const owner = new TestOwner(server)
  let version = 0
  const unharmed = async () => {
    version++
    await owner.ask(applyOf(version, mutationOf('canary', `{"turns":${version}}`, { version })))
    const found = await owner.ask(readOf(version, 'canary'))
    t.match(found, { copies: [{ data: `{"turns":${version}}` }] })
  }
  return { server, url, port, stats, unharmed }
}

t.test('no case of the corpus gets past the door without a key, and each is over', async t => {
  const { server, port, stats, unharmed } = await attackedService(t)
  for (const { name, bytes } of [...FRAMING, ...HEADS]) {
    const pieces = typeof bytes === 'string' || Buffer.isBuffer(bytes) ? [bytes] : bytes
    const { answers, closed } = await provoke(port, pieces)
    t.ok(closed, `${name}: closed`)
    t.ok(
      answers.every(
        ({ status, body }) => [400, 401, 408, 413, 417, 431].includes(status) && !body.includes('{'),
      ),
      `${name}: ${answers.map(({ status }) => status).join(' ')}`,
    )
  }
  t.equal(stats().admitted, 0)
  t.equal((await server.stats()).sessions, 0)
  await unharmed()
})

t.test('what is smuggled behind a signed head is not carried out', async t => {
  const { server, url, port, stats, unharmed } = await attackedService(t)
  const stream = await openStream(url)
  const inner = JSON.stringify(applyOf(1, mutationOf('smuggled')))
  const path = partOf(stream, 1).path ?? ''
  const good = signed(partOf(stream, 1, applyOf(1, mutationOf('s1'))))
  const authorization = `Authorization: ${good.headers?.authorization}\r\n`
  const { length } = good.body ?? ''
  const line = `POST ${good.path} HTTP/1.1\r\nHost: a\r\n${authorization}`
  const heads = {
    'both framings': `${line}Content-Length: ${length}\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    'two lengths': `${line}Content-Length: ${length}\r\nContent-Length: 0\r\n\r\n${good.body}`,
    'two signatures': `${line}Authorization: x\r\nContent-Length: 0\r\n\r\n`,
    'a length that is too short': `${line}Content-Length: 1\r\n\r\n${good.body}`,
    'an unsigned request behind a signed one': `GET /v1/health HTTP/1.1\r\nHost: a\r\nAuthorization: ${
      signed({}).headers?.authorization
    }\r\n\r\nPOST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`,
  }
  for (const [name, bytes] of Object.entries(heads)) {
    const { closed } = await provoke(port, [bytes])
    t.ok(closed, name)
  }
  t.equal((await server.stats()).sessions, 0, 'nothing was stored')
  t.ok(stats().refused.unsigned > 0)
  await unharmed()
})

t.test('whoever has a key and sends nonsense loses the stream, and nothing else', async t => {
  const { url, unharmed } = await attackedService(t)
  const hostile = [
    '{',
    'null',
    '[]',
    '{"__proto__":{"type":"apply"},"batch":1,"mutations":[]}',
    '{"type":"__proto__"}',
    '{"type":"apply","batch":1,"mutations":[{"__proto__":{"id":"a"}}]}',
    '{"type":"read","call":1,"ids":"abc"}',
    '{"type":"read","call":1,"ids":{"length":1}}',
    '{"type":"list","call":1,"partition":1024}',
    '{"type":"list","call":1,"partition":-1}',
    '{"type":"list","call":1,"partition":"0"}',
    '{"type":"claim","claims":[{"partition":0,"epoch":1e400}]}',
    '{"type":"forget","claim":null}',
    JSON.stringify(applyOf(1, mutationOf('x'.repeat(257)))),
    JSON.stringify({ type: 'apply', batch: 1, mutations: [{ ...mutationOf('s'), expires: 'never' }] }),
    '['.repeat(100_000),
    '\0',
    '\xff\xfe',
  ]
  for (const line of hostile) {
    const stream = await openStream(url)
    const { status } = await send(url, signed(partOf(stream, 1, line)))
    t.equal(status, 400, line.slice(0, 60))
    t.equal((await send(url, signed(partOf(stream, 2)))).status, 409, 'its stream is over')
  }
  for (const path of [
    '/v1/servers/__proto__/stats',
    '/v1/servers/constructor/streams',
    '/v1/servers/..%2fa/stats',
  ]) {
    t.equal((await send(url, signed({ path }))).status, 404, path)
  }
  await unharmed()
})

t.test('generated messages are refused or carried out, and the next one is answered', async t => {
  const { url, unharmed } = await attackedService(t)
  const field = fc.oneof(
    fc.integer({ min: -1, max: 2 }),
    fc.string({ maxLength: 5 }),
    fc.constant(null),
    fc.jsonValue({ maxDepth: 2 }),
  )
  const message = fc.oneof(
    fc.jsonValue({ maxDepth: 3 }),
    fc.record(
      {
        type: fc.constantFrom('claim', 'apply', 'read', 'list', 'forget'),
        batch: field,
        call: field,
        ids: field,
        partition: field,
        claims: field,
        claim: field,
        mutations: field,
      },
      { requiredKeys: ['type'] },
    ),
  )
  const property = fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 3 }), async messages => {
    const stream = await openStream(url)
    const { status } = await send(
      url,
      signed(partOf(stream, 1, ...messages.map(each => JSON.stringify(each)))),
    )
    if (status !== 200 && status !== 400) throw new Error(`status ${status}`)
  })
  await fc.assert(property, { seed: SEED, numRuns: 100 })
  await unharmed()
})
