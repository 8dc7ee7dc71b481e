/** What a web server does in a tunnel besides passing bytes: sessions before the head, closing between frames. */
import { Server } from 'node:http'
import type { Duplex } from 'node:stream'
import t, { type Test } from 'tap'
import type { WebServerLink } from '../../../lib/director/front/router.js'
import type { ExchangeServerOptions } from '../../../lib/web-server/http/exchange-server.js'
import type { Opened, SessionUse } from '../../../lib/web-server/sessions/session-use.js'
import { eventually, RawClient } from '../../support/http-client.js'
import { localWebServer, startFront } from '../../support/http-harness.js'
import { noUse } from '../../support/http-sessions.js'

const UPGRADE = 'GET /tunnel HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n'
const GOING_AWAY = '\x88\x0c\x03\xe9going away'

/** A tunnel of an app that does nothing by itself. */
async function tunnel(
  t: Test,
  use: Partial<SessionUse> = {},
  options: Partial<ExchangeServerOptions> = {},
): Promise<{
  client: RawClient
  socket: Duplex
  errors: string[]
  link: WebServerLink
  endTunnels: () => void
}> {
  const sockets: Duplex[] = []
  const errors: string[] = []
  const server = new Server().on('upgrade', (_, socket) => {
    socket.on('error', () => {})
    sockets.push(socket)
  })
  const { front, router, port } = await startFront()
  const { link, close } = localWebServer(front, {
    server,
    sessions: { open: () => ({ type: 'opened', use: noUse(use) }) },
    onError: error => errors.push((error as Error).message),
    ...options,
  })
  router.owner = link
  front.accepts('upgrade')
  t.teardown(async () => {
    await front.stop(0)
    close()
  })
  const client = new RawClient(port).send(UPGRADE)
  if (options.sessions === undefined) await eventually(() => sockets.length > 0, 'the app has it')
  const socket = sockets[0] as Duplex
  return { client, socket, errors, link, endTunnels: () => front.endTunnels(link) }
}

/** A promise in the hands of the test. */
function promised(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve = () => {}
  let reject: (error: Error) => void = () => {}
  const promise = new Promise<void>((done, failed) => {
    resolve = done
    reject = failed
  })
  return { promise, resolve, reject }
}

const turn = () => new Promise(resolve => setTimeout(resolve, 10))

t.test(
  'the head waits for the copies of the session, and has its cookie and the name of the web server',
  async t => {
    const { promise, resolve } = promised()
    const calls: string[] = []
    const use: Partial<SessionUse> = {
      head: () => {
        calls.push('head')
        return 'sid=1; Path=/'
      },
      acknowledged: () => promise,
      stay: () => calls.push('stay'),
      close: () => calls.push('close'),
    }
    const { client, socket } = await tunnel(t, use, { servedBy: 'web-1' })
    t.same(calls, [], 'nothing before the app answers')
    for (const piece of ['HTTP/1.1 101 ', 'Switching\r', '\nUpgrade: x\r\n\r\n']) socket.write(piece)
    socket.write('bytes')
    await turn()
    t.same(calls, ['head', 'stay'])
    t.equal(client.received, '')
    resolve()
    t.equal(
      await client.until('bytes'),
      'HTTP/1.1 101 Switching\r\nx-served-by: web-1\r\nSet-Cookie: sid=1; Path=/\r\nUpgrade: x\r\n\r\nbytes',
    )
    socket.write('more')
    await client.until('more')
    client.socket.resetAndDestroy()
    await eventually(() => calls.length > 2, 'it is let go')
    t.same(calls, ['head', 'stay', 'close'])
  },
)

t.test('an answer whose copies cannot be had is replaced, though the app has cut the connection', async t => {
  for (const destroys of [false, true]) {
    const { promise, reject } = promised()
    const { client, socket, errors } = await tunnel(t, { acknowledged: () => promise })
    socket.write(SWITCH)
    if (destroys) socket.destroy()
    reject(new Error('no copies'))
    t.match(
      await client.until('try again'),
      /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n[\s\S]*Connection: close\r\n/,
    )
    t.same(errors, ['no copies'])
    await eventually(() => socket.destroyed, 'to the app the client is gone')
    client.close()
  }
})

t.test('a refusal that is written and cut off at once still waits for the copies, and arrives', async t => {
  const { promise, resolve } = promised()
  const { client, socket } = await tunnel(t, { head: () => 'sid=1', acknowledged: () => promise })
  socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n')
  socket.destroy()
  await turn()
  t.notOk(client.closed)
  resolve()
  t.equal(
    await client.untilClosed(),
    'HTTP/1.1 401 Unauthorized\r\nSet-Cookie: sid=1\r\nContent-Length: 0\r\n\r\n',
  )
})

t.test('a session that cannot be committed, or read, is told as to any request', async t => {
  const head = () => {
    throw Object.assign(new Error('too large'), { code: 'SESSION_TOO_LARGE' })
  }
  const { client, socket, errors } = await tunnel(t, { head })
  socket.write(SWITCH)
  t.match(await client.until('too large'), /^HTTP\/1.1 500 Internal Server Error\r\n[\s\S]*SESSION_TOO_LARGE/)
  t.same(errors, ['too large'])
  client.close()
  const { promise, resolve } = promised()
  const open = async (): Promise<Opened> => {
    await promise
    return { type: 'unavailable', error: new Error('nobody knows') }
  }
  const second = await tunnel(t, {}, { sessions: { open } })
  second.client.send('early')
  resolve()
  t.match(await second.client.until('try again'), /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n/)
  t.same(second.errors, ['nobody knows'])
  second.client.close()
})

t.test('a WebSocket is closed with 1001 between two frames of the app', async t => {
  const whole = '\x82\x03abc'
  const { client, socket, endTunnels, link } = await tunnel(t)
  socket.write(`${SWITCH}${whole}`, 'latin1')
  socket.write('\x82\x05he', 'latin1')
  await client.until('he')
  endTunnels()
  await turn()
  t.notOk(client.received.includes('\x88'), 'not within a frame')
  socket.write(`llo${whole}`, 'latin1')
  t.equal(await client.untilClosed(), `${SWITCH}${whole}\x82\x05hello${GOING_AWAY}`)
  socket.resume()
  socket.end('into the void')
  await eventually(() => link.inFlight === 0, 'nothing is left')
})

t.test('an app that has sent its own Close frame, or speaks something else, is just ended', async t => {
  const own = '\x88\x02\x03\xe8'
  const closing = await tunnel(t)
  closing.socket.write(`${SWITCH}${own}`, 'latin1')
  await closing.client.until(own)
  closing.endTunnels()
  t.equal(await closing.client.untilClosed(), `${SWITCH}${own}`)
  const raw = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: raw\r\n\r\n'
  const other = await tunnel(t)
  other.socket.write(`${raw}bytes`)
  await other.client.until('bytes')
  other.endTunnels()
  t.equal(await other.client.untilClosed(), `${raw}bytes`)
})

t.test('an upgrade that is not answered when the time is over is refused', async t => {
  const { client, endTunnels } = await tunnel(t)
  endTunnels()
  t.match(await client.until('try again'), /^HTTP\/1.1 503 [\s\S]*Retry-After: 1\r\n/)
  client.close()
})

t.test('a listener that throws is told of, and the client is answered', async t => {
  const thrown: unknown[] = []
  const server = new Server().on('upgrade', () => {
    throw new Error('on purpose')
  })
  const { client } = await tunnel(
    t,
    {},
    {
      server,
      sessions: { open: () => ({ type: 'opened', use: noUse() }) },
      onUncaught: error => thrown.push(error),
    },
  )
  t.match(await client.until('Internal Server Error\n'), /^HTTP\/1.1 500 /)
  t.match(thrown, [{ message: 'on purpose' }])
  client.close()
})

t.test('a socket without traffic for as long as the app allowed says so, and stays', async t => {
  const { client, socket } = await tunnel(t)
  let timeouts = 0
  ;(socket as Duplex & { setTimeout(ms: number, done: () => void): void }).setTimeout(20, () => timeouts++)
  await eventually(() => timeouts === 1, 'it says so')
  t.notOk(socket.destroyed)
  socket.end(SWITCH)
  await client.until(SWITCH)
  client.close()
})
