/** One client that asks for much at once leaves room for all others: by pipelining, or by streams of HTTP/2. */
import type { ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { Authority } from '../support/certificates.js'
import { eventually, RawClient } from '../support/http-client.js'
import { askHttp2, http2Session, type Listener, listener, serveApp, tlsOf } from '../support/listeners.js'
import { lacks } from '../support/needs.js'

/** Places of the web server: a connection's share is 2, and half of the places are 16. */
const PLACES = 32
const SHARE = 2
const HALF = PLACES / 2

const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`

/** An app whose /wait is answered when the test says so; everything else at once, with its path. */
async function waitingApp(t: Test, listen: Parameters<typeof serveApp>[1] = {}) {
  const held: ServerResponse[] = []
  const seen: string[] = []
  const app: Listener = (req, res) => {
    seen.push(req.url ?? '')
    if (req.url?.startsWith('/wait')) held.push(res)
    else res.end(req.url)
  }
  const served = await serveApp(t, { maxInFlight: PLACES, ...listen }, app)
  const port = Number(served.url.port)
  return { ...served, port, held, seen }
}

t.test('a client that pipelines takes half of the places, and its rest waits without being read', async t => {
  const { port, held, seen, front } = await waitingApp(t)
  const greedy = new RawClient(port).send(get('/wait').repeat(HALF + 5))
  await eventually(() => held.length === HALF, 'half of the places are taken')
  let isRead = false
  greedy.socket.write(Buffer.alloc(32 * 1024 * 1024, get('/wait')), () => {
    isRead = true
  })
  const other = new RawClient(port)
  for (let turn = 0; turn < 20; turn++) other.send(get(`/other-${turn}`))
  await other.until('/other-19')
  t.notMatch(other.received, /HTTP\/1.1 503/)
  t.equal(held.length, HALF, 'nothing more was begun')
  t.equal(front.inFlight, HALF)
  t.notOk(isRead, 'its bytes stay where they are')
  greedy.close()
  other.close()
  seen.length = 0
})

t.test('whoever waits goes on in order as its own requests end, down to the last', async t => {
  const { port, held, seen } = await waitingApp(t)
  const greedy = new RawClient(port)
  const paths = Array.from({ length: HALF + 12 }, (_, index) => `/wait-${index}`)
  greedy.send(paths.map(get).join(''))
  await eventually(() => held.length === HALF, 'half of the places are taken')
  for (let index = 0; index < paths.length; index++) {
    await eventually(() => held.length > index, 'the next has come')
    held[index]?.end(`(${paths[index]})`)
    await greedy.until(`(${paths[index]})`)
  }
  t.same(seen, paths)
  t.same(
    [...greedy.received.matchAll(/\((.*?)\)/g)].map(match => match[1]),
    paths,
  )
  greedy.send(get('/after'))
  await greedy.until('/after')
  t.pass('it is read again')
  greedy.close()
})

t.test('when others have taken half of the places a connection still has its share', async t => {
  const { port, held } = await waitingApp(t)
  const crowd = Array.from({ length: HALF }, () => new RawClient(port).send(get('/wait')))
  await eventually(() => held.length === HALF, 'half of the places are taken')
  const late = new RawClient(port).send(get('/wait').repeat(10))
  await eventually(() => held.length === HALF + SHARE, 'its share is begun')
  for (const { socket } of crowd) socket.destroy()
  held[HALF]?.end()
  held[HALF + 1]?.end()
  await eventually(() => held.length === HALF + 10, 'everything is begun once there is room')
  t.pass('nobody is forgotten')
  late.close()
})

t.test('of a client that leaves nothing is left', async t => {
  const { port, held, front } = await waitingApp(t)
  const greedy = new RawClient(port).send(get('/wait').repeat(HALF + 12))
  await eventually(() => held.length === HALF, 'half of the places are taken')
  greedy.close()
  let ended = 0
  // A connection that is not read is known to be gone when it is written to, or read again.
  await eventually(() => {
    while (ended < held.length) held[ended++]?.end('x'.repeat(100_000))
    return front.inFlight === 0 && front.connections === 0
  }, 'it is gone')
  t.pass('neither a place nor the connection')
})

t.test('bodies of those that wait arrive when they have their turn', async t => {
  const bodies: number[] = []
  const held: ServerResponse[] = []
  const { url } = await serveApp(t, { maxInFlight: PLACES }, async (req, res) => {
    if (req.method === 'GET') return held.push(res)
    let bytes = 0
    for await (const chunk of req) bytes += (chunk as Buffer).length
    bodies.push(bytes)
    return res.end(`took ${bytes}`)
  })
  const greedy = new RawClient(Number(url.port)).send(get('/wait').repeat(HALF))
  await eventually(() => held.length === HALF, 'half of the places are taken')
  greedy.send(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n${'x'.repeat(300_000)}`)
  await new Promise(resolve => setTimeout(resolve, 50))
  t.same(bodies, [])
  for (const res of held) res.end()
  await greedy.until('took 300000')
  t.same(bodies, [300_000])
  greedy.close()
})

t.test('more than can wait is refused, and the rest is served', async t => {
  const { port, held } = await waitingApp(t)
  const greedy = new RawClient(port).send(get('/wait').repeat(HALF + PLACES + 10))
  await eventually(() => held.length === HALF, 'half of the places are taken')
  let ended = 0
  await eventually(() => {
    while (ended < held.length) held[ended++]?.end('done')
    return ended === HALF + PLACES
  }, 'everybody who waited was served')
  await eventually(
    () => greedy.received.split('HTTP/1.1 ').length - 1 === HALF + PLACES + 10,
    'all is answered',
  )
  t.equal(greedy.received.split('HTTP/1.1 503').length - 1, 10)
  greedy.close()
})

t.test('all streams of an HTTP/2 connection have one share', { skip: lacks('openssl') ?? false }, async t => {
  const authority = await Authority.make(t)
  const tls = tlsOf(await authority.issueFiles('IP:127.0.0.1'))
  const { url, held, front } = await waitingApp(t, { listeners: [listener({ tls })] })
  const ca = await authority.ca
  const greedy = http2Session(t, url, ca)
  const answers = Array.from({ length: 100 }, () => askHttp2(greedy, { ':path': '/wait' }))
  await eventually(() => held.length === HALF, 'half of the places are taken')
  const other = http2Session(t, url, ca)
  for (let turn = 0; turn < 20; turn++) t.match(await askHttp2(other, { ':path': '/other' }), { status: 200 })
  t.equal(front.inFlight, HALF)
  let ended = 0
  await eventually(() => {
    while (ended < held.length) held[ended++]?.end()
    return ended === HALF + PLACES
  }, 'those who waited have their turn')
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  t.equal(statuses.filter(status => status === 200).length, HALF + PLACES)
  t.equal(statuses.filter(status => status === 503).length, 100 - HALF - PLACES)
})
