/** How a cluster stops: what is in flight, what is idle, and what is left afterwards. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { RawClient } from '../support/http-client.js'
import { Load } from '../support/load.js'
import { until } from '../support/until.js'
import { visit } from '../support/visitor.js'

/** Lines of the log that say that something went wrong. */
const worries = (cluster: TestCluster) => cluster.logged.filter(({ level }) => Number(level) > 30)

t.test('a program that stops its cluster ends by itself', async t => {
  const file = fileURLToPath(new URL('../support/stop-process.js', import.meta.url))
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  t.teardown(() => child.kill('SIGKILL'))
  const [[code], printed] = await Promise.all([once(child, 'close'), text(child.stdout)])
  t.equal(printed, 'counted 1, stopped')
  t.equal(code, 0)
})

t.test('idle connections do not hold a stop up', async t => {
  const cluster = await startCluster(t, { drainTimeout: '10m' })
  const port = Number(new URL(cluster.url).port)
  const used = new RawClient(port).send('GET /static HTTP/1.1\r\nHost: a\r\n\r\n')
  await used.until('static')
  const silent = new RawClient(port)
  await once(silent.socket, 'connect')
  await cluster.stop()
  await used.untilClosed()
  await silent.untilClosed()
  t.pass('stopped long before its drain timeout')
})

/** A request whose answer takes so long. */
const slowRequest = (ms: number) => `GET /?ms=${ms} HTTP/1.1\r\nHost: a\r\n\r\n`

t.test('a stop waits for the requests in flight, and then closes their connections', async t => {
  const cluster = await startCluster(t, { app: 'slow', drainTimeout: '10m' })
  const slow = new RawClient(Number(new URL(cluster.url).port)).send(slowRequest(1_000))
  await until(async () => (await cluster.status()).director.requestsInFlight === 1)
  const stopped = cluster.stop()
  t.notOk(cluster.isReady(), 'not ready any more')
  const refused = httpRequest(cluster.url, { agent: false }).end()
  const [error] = await once(refused, 'error')
  t.equal(error.code, 'ECONNREFUSED', 'nothing new is accepted')
  t.equal(slow.received, '', 'it is not answered yet')
  t.match(await slow.untilClosed(), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\nanswered$/)
  await stopped
  t.same(worries(cluster), [])
})

t.test('a stop answers pipelined requests that had arrived', async t => {
  const cluster = await startCluster(t, { app: 'slow', drainTimeout: '10m' })
  const client = new RawClient(Number(new URL(cluster.url).port))
  client.send(slowRequest(800) + slowRequest(400))
  await until(async () => (await cluster.status()).director.requestsInFlight === 2)
  await cluster.stop()
  t.equal((await client.untilClosed()).split('answered').length, 3)
})

t.test('a stop lets a slow client read an answer that the app has ended', async t => {
  const bytes = 32 * 1024 * 1024
  const cluster = await startCluster(t, { app: 'streams', drainTimeout: '10m' })
  const { port } = new URL(cluster.url)
  const socket = connect(Number(port), '127.0.0.1')
  socket.write(`GET /download?bytes=${bytes} HTTP/1.1\r\nHost: a\r\n\r\n`)
  let received = 0
  for await (const chunk of socket) {
    received += (chunk as Buffer).length
    // One piece at a time, so that the front always has more for it.
    if ((await cluster.status()).director.requestsInFlight > 0) continue
    void cluster.stop()
  }
  t.ok(received > bytes, 'head and body have arrived')
  await cluster.stop()
})

t.test('a request that outlasts the drain timeout is cut off', async t => {
  const cluster = await startCluster(t, { app: 'slow', drainTimeout: '200ms' })
  const slow = new RawClient(Number(new URL(cluster.url).port)).send(slowRequest(3_600_000))
  await until(async () => (await cluster.status()).director.requestsInFlight === 1)
  await cluster.stop()
  t.equal(await slow.untilClosed(), '')
})

t.test('a stop under load copies every change before the session servers end', async t => {
  const cluster = await startCluster(t, { drainTimeout: '10m' })
  const load = new Load({ url: cluster.url, clients: 32, sessions: 1 })
  t.teardown(() => load.kill())
  await until(async () => (await load.report()).increments > 500)
  await cluster.stop()
  const { failures, increments } = await load.report()
  t.comment(`${increments} increments`)
  for (const what of Object.keys(failures)) {
    // What a client sends while its idle connection is closed: HTTP/1.1 has no way around it.
    t.match(what, /cut \((UND_ERR_SOCKET|ECONNRESET|ECONNREFUSED|EPIPE)\)$/)
  }
  const { director } = await cluster.status()
  t.same([director.requestsInFlight, director.parked], [0, 0])
  t.same(worries(cluster), [])
})

t.test('a stop that is asked for twice is one stop', async t => {
  const cluster = await startCluster(t)
  await Promise.all([cluster.stop(), cluster.stop()])
  await cluster.stop()
  t.equal((await cluster.status()).director.state, 'stopping')
})

t.test('a cluster can be stopped while an actor is starting again', async t => {
  const cluster = await startCluster(t)
  await cluster.whole()
  await cluster.kill('web-1')
  await cluster.kill('a')
  await cluster.stop()
  const { webServers, sessionServers } = await cluster.status()
  t.same(new Set([...webServers, ...sessionServers].map(({ state }) => state)), new Set(['down']))
})

t.test('a stop while a web server is being restarted is in order', async t => {
  const cluster = await startCluster(t)
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  await cluster.kill('web-1')
  await until(async () => (await cluster.status()).webServers[0]?.restarts === 1)
  await cluster.stop()
  t.same(
    cluster.logged.filter(({ level }) => Number(level) >= 50).map(({ msg, actor }) => `${msg} ${actor}`),
    ['lost web-1'],
  )
})
