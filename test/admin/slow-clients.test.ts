import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { request } from 'undici'
import { until } from '../support/until.js'
import { listen } from './listener.js'

const PER_ADDRESS = 64
/** More than the buffers of both ends of a connection take. */
const LONG = 'x'.repeat(16 * 1024 * 1024)

async function connected(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  // It may be cut at any moment, which is what these tests are about.
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

/** Whether there is a connection left to ask for its health. */
async function isHealthy(url: string): Promise<boolean> {
  try {
    const { statusCode, body } = await request(`${url}/healthz`, { reset: true })
    await body.dump()
    return statusCode === 200
  } catch {
    return false
  }
}

t.test('a connection on which no request comes, or half of one, is ended', async t => {
  const times = { headersMs: 200, requestMs: 400, checkEveryMs: 50 }
  const { url } = await listen(t, {}, { times })
  for (const sent of [
    '',
    'GET /healthz HTTP/1.1\r\nHost: local',
    'POST /reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{',
  ]) {
    const socket = await connected(url)
    socket.write(sent)
    socket.resume()
    await once(socket, 'close')
    t.pass(JSON.stringify(sent))
  }
})

t.test('a client that does not take its answer is cut, and another has its connection', async t => {
  const partitionMap = () => ({ ...EMPTY, webServers: [LONG] })
  const { url } = await listen(
    t,
    { partitionMap },
    { times: { answerMs: 300, headersMs: 60_000, requestMs: 60_000 } },
  )
  const silent = await Promise.all(Array.from({ length: PER_ADDRESS - 1 }, () => connected(url)))
  t.teardown(() => {
    for (const socket of silent) socket.destroy()
  })
  const socket = await connected(url)
  socket.write('GET /partitions HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'readable')
  t.equal(await isHealthy(url), false, 'all are taken')
  await until(() => isHealthy(url))
  // Only now, since reading would have been taking it.
  socket.resume()
  await once(socket, 'close')
  t.ok(socket.bytesRead < LONG.length)
})

t.test('one address can not take all connections', async t => {
  const { url } = await listen(t)
  const sockets = await Promise.all(Array.from({ length: PER_ADDRESS + 6 }, () => connected(url)))
  t.teardown(() => {
    for (const socket of sockets) socket.destroy()
  })
  for (const socket of sockets) socket.resume()
  await until(() => sockets.filter(({ closed }) => closed).length === 6)
  for (const socket of sockets) socket.destroy()
  await until(() => isHealthy(url))
})

const EMPTY = { version: 1, sessionServers: [], owners: [], synced: [], replicas: [] }
