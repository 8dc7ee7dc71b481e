/** WebSocket apps in a real cluster: what passes through a tunnel, its session, and what becomes of it. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { upgrade } from 'undici'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { mib, peakMemory } from '../support/memory.js'
import { until } from '../support/until.js'
import { visit } from '../support/visitor.js'
import { cookieOf, WebSocketClient } from '../support/websocket-client.js'

const MIB = 1024 * 1024

const cluster = await startCluster(t, {
  app: 'websocket',
  webServers: { threads: 3 },
  listen: { maxInFlight: 5000 },
  session: { ttl: '10m' },
})
await cluster.whole()

/** Connects, and leaves when the test ends. */
async function open(t: Test, path: string, cookie = '', on: TestCluster = cluster): Promise<WebSocketClient> {
  const client = await WebSocketClient.open(`${on.url}${path}`, cookie === '' ? {} : { headers: { cookie } })
  t.teardown(() => client.socket.terminate())
  return client
}

/** What a page shows of the session. */
async function sessionOf(cookie: string, path = '/'): Promise<Record<string, unknown>> {
  const response = await fetch(`${cluster.url}${path}`, { headers: { cookie } })
  return (await response.json()) as Record<string, unknown>
}

t.test('text, binary, empty, large and fragmented messages are echoed as they were sent', async t => {
  const client = await open(t, '/echo')
  t.equal(await client.ask('täxt'), 'täxt')
  t.equal(await client.ask(''), '')
  for (const size of [1, 125, 126, 65_535, 65_536, MIB]) {
    const sent = randomBytes(size)
    t.ok(sent.equals((await client.ask(sent)) as Buffer), `${size} bytes`)
  }
  const before = client.messages.length
  const large = randomBytes(MIB)
  for (let at = 0; at < MIB; at += 100_000) {
    client.socket.send(large.subarray(at, at + 100_000), { fin: at + 100_000 >= MIB, compress: false })
  }
  t.ok(large.equals((await client.message(before)) as Buffer), 'fragments')
  t.match(client.headers['sec-websocket-extensions'], /permessage-deflate/)
  const compressible = 'x'.repeat(200_000)
  t.equal(await client.ask(compressible), compressible, 'compressed both ways')
  client.socket.close(4000, 'done')
  t.same(await client.end(), { code: 4000, reason: 'done' })
})

/** Its thread pauses where it may always be made to wait: before it has told what the app listens to. */
const BUSY_AT_FIRST = `
import { createServer } from 'node:http'
const pause = ms => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
export async function create() {
  const server = createServer((req, res) => res.end('an ordinary request'))
  server.on('upgrade', (req, socket) => {
    socket.end('HTTP/1.1 101 Switching Protocols\\r\\nConnection: upgrade\\r\\nUpgrade: x\\r\\n\\r\\n')
  })
  await new Promise(setImmediate)
  setTimeout(pause, 1, 100)
  setImmediate(pause, 300)
  pause(5)
  return server
}
`

t.test('the first request of a cluster may be a tunnel', async t => {
  const app = join(t.testdir({ 'app.mjs': BUSY_AT_FIRST }), 'app.mjs')
  const { url } = await startCluster(t, { app, webServers: { threads: 1 } })
  const { headers, socket } = await upgrade(url, { protocol: 'x' })
  socket.destroy()
  t.equal(headers.upgrade, 'x')
})

t.test('many messages at once keep their order', async t => {
  const client = await open(t, '/echo')
  const sent = Array.from({ length: 500 }, (_, index) => `${index} ${'y'.repeat(index % 300)}`)
  for (const message of sent) client.socket.send(message)
  await client.message(sent.length - 1)
  t.same(client.messages, sent)
})

t.test('pings are answered', async t => {
  const client = await open(t, '/echo')
  const pongs: string[] = []
  client.socket.on('pong', data => pongs.push(data.toString()))
  client.socket.ping('are you there')
  await until(() => pongs.length > 0)
  t.same(pongs, ['are you there'])
})

t.test('close codes pass through both ways, and a cut connection is one', async t => {
  t.same(await (await open(t, '/close?code=4321')).end(), { code: 4321, reason: 'as you wish' })
  t.same((await (await open(t, '/terminate')).end()).code, 1006)
  const client = await open(t, '/session')
  const cookie = cookieOf(client.headers)
  client.socket.close(4444, 'bye')
  await client.end()
  await until(async () => (await sessionOf(cookie)).opened === 4444)
  const vanishing = await open(t, '/session', cookie)
  vanishing.socket.terminate()
  await until(async () => (await sessionOf(cookie)).opened === 1006)
})

t.test(
  'a refused upgrade is answered as the app answers it, after its change of the session is copied',
  async t => {
    const client = new WebSocketClient(`${cluster.url}/refused`)
    await client.end()
    t.equal(client.refused, 401)
    t.equal((await sessionOf(cookieOf(client.headers))).opened, -1)
  },
)

t.test(
  'the session is there at the upgrade and in message handlers, and HTTP requests see what they do',
  async t => {
    const client = await open(t, '/session')
    const cookie = cookieOf(client.headers)
    t.match(cookie, /^troupe.sid=s%3A/)
    t.match(await sessionOf(cookie), { by: client.servedBy, opened: 1 })
    const answer = JSON.parse(String(await client.ask('bread')))
    t.match(answer, { messages: 1, lines: ['bread'], by: client.servedBy })
    t.match(await sessionOf(cookie), { messages: 1, lines: ['bread'] })
    await sessionOf(cookie, '/count')
    t.match(JSON.parse(String(await client.ask('milk'))), { messages: 3, lines: ['bread', 'milk'] })
    client.socket.ping('butter')
    await until(async () => String((await sessionOf(cookie)).lines).endsWith('butter'))
    const second = await open(t, '/session', cookie)
    t.equal(second.servedBy, client.servedBy)
    t.notOk(second.headers['set-cookie'])
    t.equal((await sessionOf(cookie)).opened, 2)
  },
)

t.test('an open tunnel does not keep a request from reloading its session', async t => {
  const client = await open(t, '/session')
  const cookie = cookieOf(client.headers)
  await client.ask('one')
  t.match(await sessionOf(cookie, '/reload'), { messages: 1 })
})

t.test('what a tunnel changes after its session was destroyed does not bring it back', async t => {
  const client = await open(t, '/session')
  const cookie = cookieOf(client.headers)
  await client.ask('before')
  await sessionOf(cookie, '/logout')
  await client.ask('after')
  const { messages, lines } = await sessionOf(cookie)
  t.same({ messages, lines }, { messages: undefined, lines: undefined })
})

t.test('memory is bounded when a client or an app reads slowly', async t => {
  const client = await open(t, '/flood?bytes=0')
  await client.end()
  const bytes = 96 * MIB
  const { before, peak } = await peakMemory(async () => {
    const flooded = new WebSocketClient(`${cluster.url}/flood?bytes=${bytes}`, { perMessageDeflate: false })
    let received = 0
    let stands = 0
    flooded.messages.push = (...items) => {
      received += items.reduce((sum, item) => sum + item.length, 0)
      if (stands++ % 500 === 0) {
        flooded.socket.pause()
        setTimeout(() => flooded.socket.resume(), 200)
      }
      return 0
    }
    t.equal((await flooded.end()).code, 1000)
    t.equal(received, bytes)
    const slow = await open(t, '/slow')
    const message = Buffer.alloc(MIB)
    for (let sent = 0; sent < 64; sent++) {
      await new Promise(resolve => slow.socket.send(message, { compress: false }, resolve))
    }
    await slow.message(63)
  })
  t.comment(`rss ${mib(before.rss)} before, ${mib(peak.rss)} at most`)
  t.ok(peak.rss - before.rss < 128 * MIB, 'far less than was sent')
})

t.test(
  '200 clients, one web server lost: its own reconnect and find their sessions, the others never notice',
  async t => {
    const clients = await Promise.all(Array.from({ length: 200 }, () => open(t, '/session')))
    await Promise.all(clients.map((client, index) => client.ask(`${index}`)))
    const victim = clients[0]?.servedBy ?? ''
    const lost = clients.filter(client => client.servedBy === victim)
    const others = clients.filter(client => client.servedBy !== victim)
    t.ok(lost.length > 20 && others.length > 20, `${lost.length} lost, ${others.length} others`)
    const asking = { on: true }
    const talk = Promise.all(
      others.map(async client => {
        while (asking.on) await client.ask('still there')
      }),
    )
    await cluster.lose(victim)
    t.same(
      new Set((await Promise.all(lost.map(client => client.end()))).map(({ code }) => code)),
      new Set([1006]),
    )
    const again = await Promise.all(lost.map(client => open(t, '/session', cookieOf(client.headers))))
    const answers = await Promise.all(again.map(client => client.ask('back')))
    t.ok(
      answers.every((answer, index) => {
        const { lines, opened } = JSON.parse(String(answer))
        return (
          lines[0] === String(clients.indexOf(lost[index] as WebSocketClient)) &&
          lines[1] === 'back' &&
          opened === 2
        )
      }),
      'each with its own session',
    )
    asking.on = false
    await talk
    t.ok(
      others.every(({ closed }) => closed === null),
      'the others are connected as before',
    )
    for (const client of [...clients, ...again]) client.socket.terminate()
    await until(async () => (await cluster.status()).webServers.every(({ state }) => state === 'running'))
  },
)

t.test(
  'a web server that is replaced tells its app and closes its WebSockets with 1001; the others stay',
  async t => {
    const clients = await Promise.all(Array.from({ length: 12 }, () => open(t, '/draining')))
    const visitor = visit(t, cluster.url)
    await visitor.get('/count')
    const { by } = JSON.parse((await visitor.get('/')).text)
    const drained = clients.filter(client => client.servedBy === by)
    const others = clients.filter(client => client.servedBy !== by)
    t.ok(drained.length > 0 && others.length > 0)
    await visitor.get('/throw')
    for (const client of drained) {
      t.same(await client.end(), { code: 1001, reason: 'going away' })
      t.same(client.messages, ['draining'])
    }
    t.ok(others.every(({ closed, messages }) => closed === null && messages.length === 0))
    for (const client of others) t.equal(await client.ask('hello'), 'hello')
  },
)

t.test(
  'a stopped cluster tells its apps and closes WebSockets with 1001 when the drain time is over',
  async t => {
    const other = await startCluster(t, { app: 'websocket', drainTimeout: '300ms' })
    const clients = await Promise.all(Array.from({ length: 4 }, () => open(t, '/draining', '', other)))
    const session = await open(t, '/session', '', other)
    await session.ask('one')
    await other.stop()
    for (const client of clients) {
      t.same(await client.end(), { code: 1001, reason: 'going away' })
      t.same(client.messages, ['draining'])
    }
    t.equal((await session.end()).code, 1001)
    t.same(
      other.logged.filter(({ level }) => Number(level) > 30),
      [],
    )
  },
)

t.test('nothing is left of closed tunnels', async t => {
  await until(async () => {
    const { director, webServers } = await cluster.status()
    return (
      director.requestsInFlight === 0 && webServers.every(({ requestsInFlight }) => requestsInFlight === 0)
    )
  })
  t.pass('nothing in flight')
})
