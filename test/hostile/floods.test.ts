/** Many, slow and half-open: bounded in time and memory, and others are served meanwhile. */
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import t from 'tap'
import { mib, peakMemory } from '../support/memory.js'
import { until } from '../support/until.js'
import { provoke } from './answers.js'
import { underAttack } from './attacked.js'

/** Idle connections; each has two ends in this process. */
const IDLE = 2_000
/** What an idle connection may cost, both ends, bytes. */
const IDLE_COST_MAX = 64 * 1024

const attacked = await underAttack(t)
const { port, canary, cluster } = attacked

t.test('slow heads and slow bodies are cut in time', async t => {
  const slow = {
    'nothing at all': '',
    'half a line': 'GET /slow HT',
    'half a head': 'GET /slow HTTP/1.1\r\nHost: a\r\n',
    'half a body': 'POST /slow HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf',
    'half a chunk': 'POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhe',
  }
  await Promise.all(
    Object.entries(slow).map(async ([name, bytes]) => {
      const { answers, closed } = await provoke(port, [bytes])
      t.ok(closed, `${name}: closed`)
      t.ok(
        answers.every(({ status }) => status === 408),
        `${name}: ${answers.map(({ status }) => status).join(' ')}`,
      )
    }),
  )
})

t.test('a head a byte at a time is cut as well', async t => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {}).resume()
  const drip = setInterval(() => socket.write('x'), 20)
  socket.write('GET /')
  await once(socket, 'close')
  clearInterval(drip)
  t.pass('closed')
})

t.test('a client that closes its half in the middle of something is closed', async t => {
  for (const bytes of ['', 'GET /', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf']) {
    const { closed } = await provoke(port, [bytes], { halfClose: true })
    t.ok(closed, bytes.slice(0, 10))
  }
})

t.test('an ignored upgrade leaves the connection to ordinary requests', async t => {
  const upgrade = 'GET /upgrade HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
  const socket = connect(port, '127.0.0.1')
  socket.write(upgrade)
  let received = ''
  socket.on('data', chunk => {
    received += chunk
  })
  await until(() => received.includes('/upgrade'))
  socket.write('GET /next HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
  await once(socket, 'close')
  t.match(received, '/next')
})

t.test('thousands of idle connections cost little, and others are served', async t => {
  const sockets: Socket[] = []
  const { before, peak } = await peakMemory(async () => {
    for (let count = 0; count < IDLE; count++) {
      const socket = connect(port, '127.0.0.1')
      // Whoever does not read does not notice the end.
      socket.on('error', () => {}).resume()
      sockets.push(socket)
      if (count % 100 === 99) await until(() => sockets.every(({ connecting }) => !connecting))
    }
    await canary.turn()
  })
  t.comment(`${IDLE} connections, both ends: ${mib(peak.rss - before.rss)}`)
  t.ok(peak.rss - before.rss < IDLE * IDLE_COST_MAX)
  await until(() => sockets.every(({ closed }) => closed))
  t.pass('and all are closed when they have asked nothing in time')
})

t.test('a flood of pipelined requests of one client is served in order, bounded in memory', async t => {
  const count = 20_000
  const bytes = 'GET /flood HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(count)
  const { result, before, peak } = await peakMemory(() =>
    provoke(port, [bytes, 'GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n']),
  )
  t.equal(result.answers.length, count + 1)
  t.ok(result.answers.every(({ status }) => status === 200 || status === 503))
  t.ok(peak.rss - before.rss < 256 * 1024 * 1024, mib(peak.rss - before.rss))
  attacked.seen.length = 0
})

t.test('nobody else noticed, and nothing is left', async t => {
  await canary.turn()
  t.same(canary.harm, [])
  await until(async () => (await cluster.status()).director.requestsInFlight <= 1)
  t.comment(
    `open files at most: ${/Max open files +(\d+)/.exec(await readFile('/proc/self/limits', 'utf8').catch(() => ''))?.[1]}`,
  )
})
