import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import type { Config } from '../../../lib/config/schema.js'
import { type Partition, partitionOf } from '../../../lib/replication/ids.js'
import { askRaw, eventually, RawClient } from '../../support/http-client.js'
import { listenerAt, localWebServer, startFront } from '../../support/http-harness.js'

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

/** Never answers. */
const silent: Listener = () => {}

const request = (method: string, body = '', more = '') =>
  `${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: ${body.length}\r\n${more}\r\n${body}`

const echo: Listener = async (req, res) => {
  let body = ''
  for await (const chunk of req) body += chunk
  res.end(`second got ${body.length} bytes`)
}

/** A front with two web servers in this thread; the first owns everything until it is lost. */
async function twoServers(
  t: Test,
  first: Listener,
  second: Listener,
  listen: Partial<Config['listen']> = {},
) {
  const started = await startFront(listen)
  const a = localWebServer(started.front, { handle: first }, 'web-1')
  const b = localWebServer(started.front, { handle: second }, 'web-2')
  started.router.owner = a.link
  t.teardown(async () => {
    await started.front.stop(0)
    a.close()
    b.close()
  })
  const lose = () => {
    started.router.owner = b.link
    started.front.ownerLost(a.link)
  }
  const freed = () => started.front.inFlight === 0 && started.front.parked === 0
  return { ...started, a, b, lose, freed }
}

for (const method of ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE']) {
  t.test(`${method} goes to the next owner when its owner is lost before it answered`, async t => {
    const { port, a, lose, freed } = await twoServers(t, silent, echo)
    const client = new RawClient(port).send(request(method, method === 'PUT' ? 'x'.repeat(60_000) : ''))
    await eventually(() => a.server.inFlight === 1, 'the first web server has it')
    lose()
    const answer = await client.untilClosed()
    t.match(answer, /^HTTP\/1.1 200 /)
    if (method === 'PUT') t.match(answer, /second got 60000 bytes/)
    t.ok(freed())
  })
}

t.test('a request still sending its body follows to the next owner', async t => {
  const { port, a, lose } = await twoServers(t, silent, echo)
  const client = new RawClient(port).send(
    'PUT / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 8\r\n\r\nhalf',
  )
  await eventually(() => a.server.inFlight === 1, 'the first web server has half of it')
  lose()
  client.send('half')
  t.match(await client.untilClosed(), /second got 8 bytes/)
})

t.test(
  'an answer that was complete is not cut off when its owner is lost, though a body is still coming',
  async t => {
    const early: Listener = (req, res) => {
      req.once('data', () => res.end('early'))
    }
    const { port, a, lose, freed } = await twoServers(t, early, echo)
    const client = new RawClient(port).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8\r\n\r\nhalf')
    await client.until('early')
    t.equal(a.server.inFlight, 1)
    lose()
    t.ok(freed())
    client.send(`half${request('PUT', 'next')}`)
    t.match(await client.untilClosed(), /second got 4 bytes/, 'the connection goes on')
  },
)

t.test('a body goes on when all that could be kept of it was taken, to the byte', async t => {
  const { port } = await twoServers(t, echo, echo)
  const client = new RawClient(port).send(
    'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 65556\r\n\r\n',
  )
  client.send('x'.repeat(65_536))
  await new Promise(resolve => setTimeout(resolve, 50))
  client.send('x'.repeat(10))
  await new Promise(resolve => setTimeout(resolve, 20))
  client.send('x'.repeat(10))
  t.match(await client.untilClosed(), /second got 65556 bytes/)
})

t.test('POST, and a body too large to keep, are refused when their owner is lost', async t => {
  for (const text of [request('POST', 'x'), request('PUT', 'x'.repeat(200_000))]) {
    const { port, a, lose, freed } = await twoServers(t, req => req.resume(), echo)
    const client = new RawClient(port).send(text)
    await eventually(() => a.server.inFlight === 1, 'the first web server has it')
    if (text.startsWith('PUT'))
      await eventually(() => client.socket.writableLength === 0, 'all of it is sent')
    await new Promise(resolve => setTimeout(resolve, 20))
    lose()
    t.match(await client.untilClosed(), /^HTTP\/1.1 503 Service Unavailable\r\n[\s\S]*Retry-After: 1\r\n/)
    t.ok(freed())
  }
})

t.test('a request is tried again once, not at every web server', async t => {
  const { port, front, router, a, b, lose } = await twoServers(t, silent, silent)
  const client = new RawClient(port).send(request('GET'))
  await eventually(() => a.server.inFlight === 1, 'the first web server has it')
  lose()
  await eventually(() => b.server.inFlight === 1, 'the second has it')
  const third = localWebServer(front, { handle: echo }, 'web-3')
  router.owner = third.link
  front.ownerLost(b.link)
  t.match(await client.untilClosed(), /^HTTP\/1.1 503 /)
  third.close()
})

t.test('a response that has begun is cut off when its owner is lost', async t => {
  const { port, lose, freed } = await twoServers(t, (_, res) => res.write('some'), echo)
  const client = new RawClient(port).send(request('GET'))
  await client.until('some')
  lose()
  t.notMatch(await client.untilClosed(), /second|\r\n0\r\n/)
  t.ok(freed())
})

t.test('a late answer of a lost owner goes nowhere', async t => {
  let late: ServerResponse | undefined
  const { port, a, lose } = await twoServers(t, (_, res) => (late = res), echo)
  const client = new RawClient(port).send(request('GET'))
  await eventually(() => a.server.inFlight === 1, 'the first web server has it')
  lose()
  late?.end('late')
  t.match(await client.untilClosed(), /second got 0 bytes$/)
})

t.test('requests wait for an owner, those of other partitions longer', async t => {
  const { port, front, router, b } = await twoServers(t, silent, echo)
  router.owner = null
  const cookie = 'Cookie: other=1; sid=s%3Aabc.hmac\r\n'
  const client = new RawClient(port).send(request('GET', '', cookie))
  await eventually(() => front.parked === 1, 'it waits')
  router.owner = b.link
  front.ownerChanged(new Set([((partitionOf('abc') + 1) % 1024) as Partition]))
  t.equal(front.parked, 1, 'another partition has an owner')
  front.ownerChanged(new Set([partitionOf('abc')]))
  t.match(await client.untilClosed(), /second got 0 bytes/)
  t.equal(front.parked, 0)
})

t.test('a request that waits too long for an owner is refused', async t => {
  const { port, router, freed } = await twoServers(t, silent, echo, { parkTimeoutMs: 20 })
  router.owner = null
  t.match(
    await askRaw(port, request('POST', 'x'.repeat(100_000))),
    /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n/,
  )
  t.ok(freed())
})

t.test('a waiting body is not read further than it can be kept', async t => {
  const { port, front, router, b } = await twoServers(t, silent, echo)
  router.owner = null
  const client = new RawClient(port).send(request('PUT', 'x'.repeat(20_000_000)))
  await eventually(() => front.parked === 1, 'it waits')
  const taken = () => client.socket.bytesWritten - client.socket.writableLength
  let before = -1
  await eventually(async () => {
    const stands = taken() === before
    before = taken()
    await new Promise(resolve => setTimeout(resolve, 50))
    return stands
  }, 'the client stands still')
  t.ok(taken() < 20_000_000, 'the client is held back')
  router.owner = b.link
  front.ownerChanged()
  t.match(await client.untilClosed(), /second got 20000000 bytes/)
})

t.test('the client of a waiting request goes away', async t => {
  const { port, front, router, freed } = await twoServers(t, silent, echo)
  router.owner = null
  const client = new RawClient(port).send(request('GET'))
  await eventually(() => front.parked === 1, 'it waits')
  client.close()
  await eventually(freed, 'it is forgotten')
})

t.test('past maxInFlight the next request is refused', async t => {
  const { port, a } = await twoServers(t, silent, echo, { maxInFlight: 1 })
  const first = new RawClient(port).send(request('GET'))
  await eventually(() => a.link.inFlight === 1, 'one is in flight')
  t.match(await askRaw(port, request('GET')), /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n/)
  first.close()
})

t.test('stop lets requests in flight finish, closes what is idle, and accepts no more', async t => {
  let answering: ServerResponse | undefined
  const { port, front } = await twoServers(
    t,
    (req, res) => {
      if (req.url === '/slow') answering = res
      else res.end('ok')
    },
    echo,
  )
  const idle = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await idle.until('ok')
  const unused = new RawClient(port)
  const busy = new RawClient(port).send('GET /slow HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => answering !== undefined, 'one is in flight')
  const stopped = front.stop(10_000)
  await idle.untilClosed()
  await unused.untilClosed()
  t.notOk(busy.closed)
  answering?.end('finished')
  t.match(await busy.untilClosed(), /finished/)
  await stopped
  t.equal(await new RawClient(port).untilClosed(), '', 'nobody listens')
})

t.test('stop cuts what does not finish in time', async t => {
  const { port, front, a, freed } = await twoServers(t, silent, echo)
  const client = new RawClient(port).send(request('GET'))
  await eventually(() => a.server.inFlight === 1, 'one is in flight')
  await front.stop(20)
  t.equal(await client.untilClosed(), '')
  await eventually(freed, 'it is forgotten')
})

t.test('a port in use is said so', async t => {
  const { port } = await twoServers(t, silent, echo)
  await t.rejects(startFront({ listeners: [listenerAt(port)] }), { code: 'EADDRINUSE' })
})

t.test('requests in several phases leave nothing behind', async t => {
  const { port, a, freed } = await twoServers(
    t,
    (req, res) => {
      if (req.url === '/cut') res.destroy()
      else if (req.url === '/half') res.write('half')
      else req.resume().on('end', () => res.end('ok'))
    },
    echo,
  )
  const clients = Array.from({ length: 40 }, (_, i) => {
    const client = new RawClient(port)
    if (i % 4 === 0) client.send('GET /cut HTTP/1.1\r\nHost: a\r\n\r\n')
    if (i % 4 === 1) client.send('GET /half HTTP/1.1\r\nHost: a\r\n\r\n')
    if (i % 4 === 2) client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nhalf')
    if (i % 4 === 3) client.send(request('POST', 'x'.repeat(100_000)))
    return client
  })
  await Promise.all(clients.filter((_, i) => i % 4 === 0 || i % 4 === 3).map(client => client.untilClosed()))
  for (const client of clients) client.close()
  await eventually(() => freed() && a.link.inFlight === 0, 'the front is empty')
})
