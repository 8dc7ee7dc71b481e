/** Tunnels through the front: the same as node:http gives an app, and what the front does in the app's place. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { mock } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Config } from '../../../lib/config/schema.js'
import { askRaw, eventually, RawClient } from '../../support/http-client.js'
import { localWebServer, startFront } from '../../support/http-harness.js'

type Take = (req: IncomingMessage, socket: Duplex, head: Buffer) => unknown

const UPGRADE = 'GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n'
const CONNECT = 'CONNECT b:1 HTTP/1.1\r\nHost: b:1\r\n\r\n'
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: raw\r\n\r\n'

/** Gives an app's server the listeners of a test. */
function serverOf(upgrade: Take | null, connect: Take | null = null): Server {
  const server = new Server((req, res) => res.end(`ordinary ${req.headers.upgrade}`))
  if (upgrade !== null) server.on('upgrade', upgrade)
  if (connect !== null) server.on('connect', connect)
  return server
}

const echo: Take = (_, socket, head) => {
  socket.on('error', () => {})
  socket.write(SWITCH)
  socket.unshift(head)
  socket.on('data', chunk => socket.write(chunk))
  socket.on('end', () => socket.end('bye'))
}

/** A front with web servers in this thread; the first owns everything until it is lost. */
async function behindFront(
  t: Test,
  servers: readonly Server[],
  listen: Partial<Config['listen']> = {},
  events: readonly ('upgrade' | 'connect')[] = ['upgrade'],
) {
  const started = await startFront(listen)
  const webServers = servers.map((server, index) =>
    localWebServer(
      started.front,
      { server, handle: (req, res) => server.emit('request', req, res) },
      `web-${index + 1}`,
    ),
  )
  const [a, b] = webServers
  if (a === undefined) throw new Error('a test without a web server')
  started.router.owner = a.link
  for (const event of events) started.front.accepts(event)
  t.teardown(async () => {
    await started.front.stop(0)
    for (const each of webServers) each.close()
  })
  const lose = () => {
    started.router.owner = b?.link ?? null
    started.front.ownerLost(a.link)
  }
  const freed = () =>
    started.front.inFlight === 0 &&
    started.front.parked === 0 &&
    webServers.every(({ server, link }) => server.inFlight === 0 && link.inFlight === 0)
  return { ...started, a, b, lose, freed }
}

/** The same app at bare node:http and behind a front. */
async function bothWays(t: Test, make: () => Server): Promise<readonly number[]> {
  const bare = make().listen(0, '127.0.0.1')
  await once(bare, 'listening')
  t.teardown(() => bare.close())
  const { port } = await behindFront(t, [make()], {}, ['upgrade', 'connect'])
  return [(bare.address() as AddressInfo).port, port]
}

/** Dates differ. */
const plain = (answer: string) => answer.replace(/^Date: .*\r\n/m, '')

t.test('an app is given tunnels as by node:http, whichever end speaks and ends first', async t => {
  const greets: Take = (_, socket) => {
    socket.write(SWITCH)
    socket.end('hello and goodbye')
    socket.on('data', () => {})
  }
  const ended: Take = (_, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno')
  const destroyed: Take = (_, socket) => {
    socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno')
    socket.destroy()
  }
  const silent: Take = (_, socket) => socket.destroy()
  const seen: Record<string, unknown>[] = []
  const looks: Take = (req, socket) => {
    const { remoteFamily, localAddress, readyState } = socket as Socket
    // Not in the types, but there.
    const { upgrade } = req as IncomingMessage & { upgrade: boolean }
    const { method, url, complete, headers, httpVersion } = req
    seen.push({
      remoteFamily,
      localAddress,
      readyState,
      method,
      url,
      upgrade,
      complete,
      headers,
      httpVersion,
    })
    socket.end(SWITCH)
  }
  const corks: Take = (_, socket) => {
    socket.cork()
    for (const piece of ['HTTP/1.1 ', '101 Switching', ' Protocols\r\n', '\r\n', 'and more'])
      socket.write(piece)
    socket.uncork()
    socket.end()
  }
  for (const take of [echo, greets, ended, destroyed, silent, looks, corks]) {
    const answers: string[] = []
    for (const port of await bothWays(t, () => serverOf(take, take))) {
      for (const head of [UPGRADE, CONNECT]) {
        const client = new RawClient(port).send(head)
        if (take === echo) {
          await client.until('\r\n\r\n')
          client.send('some bytes')
          await client.until('some bytes')
          client.socket.end('the last')
        } else client.socket.end()
        answers.push(await client.untilClosed())
      }
    }
    t.same(answers.slice(2), answers.slice(0, 2), take.toString().slice(0, 60))
    if (take === echo) t.equal(answers[0], `${SWITCH}some bytesthe lastbye`)
  }
  t.same(seen.slice(2), seen.slice(0, 2))
})

t.test('bytes that come with the head, or before the app answers, are not lost', async t => {
  const late: Take = (req, socket, head) => setTimeout(() => echo(req, socket, head), 20)
  for (const port of await bothWays(t, () => serverOf(late))) {
    const client = new RawClient(port).send(`${UPGRADE}early `)
    await once(client.socket, 'connect')
    client.send('later')
    await client.until('later')
    client.socket.end('')
    t.equal(await client.untilClosed(), `${SWITCH}early laterbye`)
  }
})

t.test(
  'without a listener an upgrade is an ordinary request, and CONNECT is cut off, as by node:http',
  async t => {
    const h2c = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n'
    const bare = serverOf(null).listen(0, '127.0.0.1')
    await once(bare, 'listening')
    t.teardown(() => bare.close())
    const { port } = await behindFront(t, [serverOf(null)], {}, [])
    for (const each of [(bare.address() as AddressInfo).port, port]) {
      t.match(await askRaw(each, h2c), /ordinary h2c$/)
      t.equal(await askRaw(each, CONNECT), '')
    }
    const server = serverOf(null)
    const { port: mixed, freed } = await behindFront(t, [server], {}, ['upgrade', 'connect'])
    t.match(
      await askRaw(mixed, h2c),
      /^HTTP\/1.1 200 [\s\S]*ordinary h2c$/,
      'where another web server listens',
    )
    t.equal(await askRaw(mixed, CONNECT), '')
    await eventually(freed, 'nothing is left')
    server.on('upgrade', echo)
    const client = new RawClient(mixed).send(UPGRADE)
    t.match(await client.until('\r\n\r\n'), /^HTTP\/1.1 101 /, 'a listener that came later')
    client.close()
  },
)

t.test('a listener that an app adds when it runs is enough', async t => {
  const server = serverOf(null)
  const { port } = await behindFront(t, [server], {}, [])
  server.on('upgrade', echo)
  await new Promise(resolve => setTimeout(resolve, 20))
  const client = new RawClient(port).send(UPGRADE)
  await client.until(SWITCH)
  client.close()
})

t.test('an upgrade that was pipelined waits for the answers before it', async t => {
  const server = createServer((_, res) => setTimeout(() => res.end('slow'), 30))
  server.on('upgrade', echo)
  const { port } = await behindFront(t, [server], { keepAliveTimeoutMs: 50 })
  const client = new RawClient(port).send(`GET / HTTP/1.1\r\nHost: a\r\n\r\n${UPGRADE}bytes`)
  const answer = await client.until('bytes')
  t.match(plain(answer), /^HTTP\/1.1 200 OK\r\n[\s\S]*slow(\r\n0\r\n\r\n)?HTTP\/1.1 101 /)
  await new Promise(resolve => setTimeout(resolve, 1_200))
  t.notOk(client.closed, 'the time limit of idle connections is not for tunnels')
  client.close()
})

t.test(
  'an upgrade goes to the next owner when its owner is lost before it answered; CONNECT is refused',
  async t => {
    const silent: Take = () => {}
    const { port, a, lose, freed } = await behindFront(
      t,
      [serverOf(silent, silent), serverOf(echo, echo)],
      {},
      ['upgrade', 'connect'],
    )
    const upgrade = new RawClient(port).send(`${UPGRADE}early`)
    const connect = new RawClient(port).send(CONNECT)
    await eventually(() => a.server.inFlight === 2, 'the first web server has both')
    lose()
    t.equal(await upgrade.until('early'), `${SWITCH}early`)
    t.match(await connect.untilClosed(), /^HTTP\/1.1 503 Service Unavailable\r\n[\s\S]*Retry-After: 1\r\n/)
    a.close()
    upgrade.close()
    await eventually(() => freed() || a.server.inFlight > 0, 'nothing is left')
  },
)

t.test('a tunnel is cut at once when its web server is lost', async t => {
  const ends: Take = (req, socket, head) =>
    req.url === '/ended' ? socket.end(SWITCH) : echo(req, socket, head)
  const { port, front, lose } = await behindFront(t, [serverOf(ends), serverOf(echo)])
  const client = new RawClient(port).send(UPGRADE)
  await client.until(SWITCH)
  const half = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
  half.write(UPGRADE.replace('/tunnel', '/ended'))
  await once(half.resume(), 'end')
  lose()
  t.equal(await client.untilClosed(), SWITCH)
  // Nobody would ever answer what this one goes on to say.
  await eventually(() => half.destroyed || !half.write('still there'), 'it is cut as well')
  t.equal(front.inFlight, 0)
})

t.test(
  'an upgrade waits for an owner, and is refused when that takes too long or there is no room',
  async t => {
    const { port, front, router, a, freed } = await behindFront(t, [serverOf(echo)], {
      parkTimeoutMs: 200,
      maxInFlight: 1,
    })
    router.owner = null
    const client = new RawClient(port).send(`${UPGRADE}early`)
    await eventually(() => front.parked === 1, 'it waits')
    router.owner = a.link
    front.ownerChanged()
    t.equal(await client.until('early'), `${SWITCH}early`)
    const refusal =
      /^HTTP\/1.1 503 Service Unavailable\r\n[\s\S]*Retry-After: 1\r\n[\s\S]*Connection: close\r\n/
    t.match(await askRaw(port, UPGRADE), refusal, 'one too many')
    router.owner = null
    const waiting = new RawClient(port).send(UPGRADE)
    t.match(await waiting.until('try again'), refusal, 'too late')
    waiting.close()
    client.close()
    await eventually(freed, 'nothing is left')
  },
)

t.test('a client that vanishes is an error of the socket and its end', async t => {
  const errors: string[] = []
  let closed = 0
  const watch: Take = (_, socket) => {
    socket.on('error', (error: NodeJS.ErrnoException) => errors.push(String(error.code)))
    socket.on('close', () => closed++)
    socket.write(SWITCH)
    socket.resume()
  }
  const { port, freed } = await behindFront(t, [serverOf(watch)])
  const client = new RawClient(port).send(UPGRADE)
  await client.until(SWITCH)
  client.socket.resetAndDestroy()
  await eventually(() => closed === 1, 'the app learns of it')
  t.same(errors, ['ECONNRESET'])
  await eventually(freed, 'nothing is left')
})

t.test('a tunnel of an app that never reads is over when both have ended', async t => {
  const refuses: Take = (_, socket) => socket.end('HTTP/1.1 401 Unauthorized\r\n\r\n')
  const { port, freed } = await behindFront(t, [serverOf(refuses)])
  const client = new RawClient(port).send(UPGRADE)
  await client.until('401')
  client.socket.end()
  await eventually(freed, 'nothing is left')
  // With something unread it is the app's turn, but not for ever.
  const other = new RawClient(port).send(`${UPGRADE}unread`)
  await other.until('401')
  const setTimeout = mock.method(globalThis, 'setTimeout', (late: () => void, ms: number) => {
    if (ms === 30_000) setImmediate(late)
    return { unref() {} }
  })
  other.socket.end()
  const over = once(other.socket, 'close')
  while (setTimeout.mock.calls.every(({ arguments: [, ms] }) => ms !== 30_000)) await turn()
  setTimeout.mock.restore()
  await over
  await eventually(freed, 'nothing is left')
})

t.test('neither end can fill the memory of what is in between', async t => {
  let socket: Duplex | null = null
  const stuck: Take = (_, taken) => {
    socket = taken
    taken.on('error', () => {})
    taken.write(SWITCH)
  }
  const { port, freed } = await behindFront(t, [serverOf(stuck)])
  const client = new RawClient(port).send(UPGRADE)
  await client.until(SWITCH)
  client.send(Buffer.alloc(64 * 1024 * 1024))
  const app = socket as unknown as Socket
  await standsStill(() => app.bytesRead)
  t.ok(app.bytesRead > 0 && app.bytesRead < 1024 * 1024, `${app.bytesRead} bytes came through unread`)
  client.socket.pause()
  let written = 0
  const more = () => {
    let open = true
    while (open) {
      written += 65_536
      open = app.write(Buffer.alloc(65_536))
    }
  }
  app.on('drain', more)
  more()
  await standsStill(() => written)
  t.ok(written < 32 * 1024 * 1024, `${written} bytes of the app's were taken`)
  client.close()
  await eventually(freed, 'nothing is left')
})

t.test('a stop closes tunnels in order when the time is over, whatever their client does', async t => {
  const stopped: string[] = []
  const server = serverOf((_, socket) => {
    socket.on('error', () => {})
    socket.write(SWITCH)
    socket.on('end', () => {
      stopped.push('client ended')
      socket.end('unheard')
    })
    socket.resume()
  })
  const { port, front, freed } = await behindFront(t, [server])
  const polite = new RawClient(port).send(UPGRADE)
  await polite.until(SWITCH)
  const stubborn = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {})
  stubborn.write(UPGRADE)
  await once(stubborn, 'data')
  stubborn.resume()
  await front.stop(20)
  t.equal(await polite.untilClosed(), SWITCH)
  await eventually(() => stopped.length > 0, 'the app learns of it')
  await eventually(freed, 'nothing is left')
})

/** Waits until a number stays the same for a while. */
async function standsStill(value: () => number): Promise<void> {
  let before = -1
  await eventually(async () => {
    const stands = value() === before
    before = value()
    await new Promise(resolve => setTimeout(resolve, 60))
    return stands
  }, 'it stands still')
}
