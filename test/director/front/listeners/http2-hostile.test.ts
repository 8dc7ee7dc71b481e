/** HTTP/2 clients and apps that do what they should not: neither reaches beyond its own stream. */
import { once } from 'node:events'
import { constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { Authority } from '../../../support/certificates.js'
import { eventually } from '../../../support/http-client.js'
import { FRAME, frame, getHeaders, onFrames, PREFACE, WHOLE_REQUEST } from '../../../support/http2-frames.js'
import {
  askHttp2,
  dialTls,
  http2Session,
  type Listener,
  listener,
  serveApp,
  tlsOf,
} from '../../../support/listeners.js'
import { needs } from '../../../support/needs.js'

needs('openssl')

const authority = await Authority.make(t)
const ca = await authority.ca
const tls = tlsOf(await authority.issueFiles('IP:127.0.0.1'))

const CANCEL = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL])
const END_STREAM = 0x01
const END_HEADERS = 0x04
/** A header with a literal value, its name by its place in HPACK's static table. */
const literal = (index: number, value: string) =>
  Buffer.concat([Buffer.from([index, value.length]), Buffer.from(value)])

/** What became of the bodies that the app read. */
const bodies: { complete: boolean; text: string }[] = []
const paths: Record<string, Listener> = {
  '/read': async (req, res) => {
    let received = ''
    req.on('data', chunk => {
      received += chunk
    })
    const ended = await once(req, 'end').then(
      () => true,
      () => false,
    )
    bodies.push({ complete: ended && req.complete, text: received })
    res.end()
  },
  '/early': (_, res) => res.end('early'),
  '/hello': (_, res) => res.end('hello'),
  '/hop-hints': (_, res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload', te: 'gzip' })
    res.end('after')
  },
  '/hop-trailers': (_, res) => {
    res.write('body')
    res.addTrailers({ TE: 'gzip', 'X-Sum': '1' })
    res.end()
  },
  '/chunked': (_, res) => {
    res.write('body')
    res.end()
  },
  '/switch': (_, res) => res.writeHead(101, { Connection: 'Upgrade', Upgrade: 'raw' }).end(),
  '/large-head': (_, res) => {
    for (let index = 0; index < 10; index++) res.setHeader(`x-${index}`, 'x'.repeat(3_000))
    res.end('large')
  },
}
const seen: string[] = []
const app: Listener = (req, res) => {
  seen.push(`${req.method} ${req.url}`)
  const handle = paths[(req.url ?? '').split('?')[0] ?? '']
  if (handle === undefined) return res.writeHead(404).end()
  return handle(req, res)
}

const { url, front, web } = await serveApp(t, { listeners: [listener({ tls })] }, app)
const session = http2Session(t, url, ca)

/** Passes bytes on, but not the end that the other side makes: neither is one of its own made then. */
class HalfOpen extends Duplex {
  readonly #socket: Socket

  constructor(socket: Socket) {
    super()
    this.#socket = socket
    socket.on('data', chunk => this.push(chunk)).on('error', () => {})
  }

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, callback: (error?: Error | null) => void): void {
    if (this.#socket.writable) this.#socket.write(chunk, callback)
  }
}

t.test('a body that the client takes back is never whole at the app', async t => {
  bodies.length = 0
  // Frame by frame: node's own client ends a body before it takes it back.
  const socket = await dialTls(url, { ca, ALPNProtocols: ['h2'] })
  socket.on('error', () => {}).resume()
  // :method POST, :scheme https, :authority a, :path /read
  const head = Buffer.concat([Buffer.from([0x83, 0x87]), literal(0x01, 'a'), literal(0x04, '/read')])
  socket.write(
    Buffer.concat([
      PREFACE,
      frame(FRAME.headers, END_HEADERS, 1, head),
      frame(FRAME.data, 0, 1, Buffer.from('part')),
    ]),
  )
  await eventually(() => front.inFlight === 1, 'the app has it')
  socket.write(frame(FRAME.rstStream, 0, 1, CANCEL))
  await eventually(() => bodies.length === 1, 'the app knows')
  t.match(bodies, [{ complete: false }])
  await eventually(() => front.inFlight === 0 && web.server.inFlight === 0, 'nothing is left')
  socket.destroy()
})

t.test('a body that is taken back after its answer does not eat the next request', async t => {
  for (const code of [constants.NGHTTP2_CANCEL, constants.NGHTTP2_NO_ERROR]) {
    const socket = await dialTls(url, { ca, ALPNProtocols: ['h2'] })
    const received: number[] = []
    socket.on('error', () => {})
    onFrames(socket, ({ type, flags, stream }) => {
      if (type === FRAME.data && (flags & END_STREAM) !== 0) received.push(stream)
    })
    // :method POST, :scheme https, :authority a, :path /early, content-length 1000
    const head = [Buffer.from([0x83, 0x87]), literal(0x01, 'a'), literal(0x04, '/early')]
    const length = Buffer.concat([Buffer.from([0x0f, 28 - 15]), Buffer.from([4]), Buffer.from('1000')])
    socket.write(
      Buffer.concat([
        PREFACE,
        frame(FRAME.headers, END_HEADERS, 1, Buffer.concat([...head, length])),
        frame(FRAME.data, 0, 1, Buffer.from('part')),
      ]),
    )
    await eventually(() => received.length === 1, 'it is answered')
    socket.write(frame(FRAME.rstStream, 0, 1, Buffer.from([0, 0, 0, code])))
    await eventually(() => front.inFlight === 0, 'it is over')
    seen.length = 0
    socket.write(frame(FRAME.headers, WHOLE_REQUEST, 3, getHeaders('/hello')))
    await eventually(() => received.length === 2, 'the next is answered')
    t.same(seen, ['GET /hello'])
    socket.destroy()
  }
})

t.test('a request that is refused and taken back in one breath harms nobody', async t => {
  const socket = await dialTls(url, { ca, ALPNProtocols: ['h2'] })
  socket.on('error', () => {})
  // :method CONNECT, :authority a
  const head = Buffer.concat([literal(0x02, 'CONNECT'), literal(0x01, 'a')])
  const pairs = Array.from({ length: 20 }, (_, index) => [
    frame(FRAME.headers, WHOLE_REQUEST, 2 * index + 1, head),
    frame(FRAME.rstStream, 0, 2 * index + 1, CANCEL),
  ])
  socket.write(Buffer.concat([PREFACE, ...pairs.flat()]))
  await new Promise(resolve => setTimeout(resolve, 100))
  socket.destroy()
  t.match(await askHttp2(session, { ':path': '/hello' }), { text: 'hello' })
})

t.test('a session that breaks the protocol at once harms nobody', async t => {
  for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(0)]) {
    const socket = await dialTls(url, { ca, ALPNProtocols: ['h2'] })
    socket.on('error', () => {})
    socket.end(bytes)
    await new Promise(resolve => setTimeout(resolve, 30))
    socket.destroy()
  }
  t.match(await askHttp2(session, { ':path': '/hello' }), { text: 'hello' })
})

t.test('headers of one connection that an app lets out do not leave with HTTP/2', async t => {
  t.match(await askHttp2(session, { ':path': '/hop-hints' }), { text: 'after' })
  t.match(await askHttp2(session, { ':path': '/hop-trailers' }), {
    text: 'body',
    trailers: { 'x-sum': '1' },
  })
})

t.test('an app that switches protocols unasked resets its stream', async t => {
  await t.rejects(askHttp2(session, { ':path': '/switch' }), { code: 'ERR_HTTP2_STREAM_ERROR' })
  await eventually(() => front.inFlight === 0 && web.server.inFlight === 0, 'nothing is left')
})

t.test('HEAD of a chunked answer has no body', async t => {
  t.match(await askHttp2(session, { ':path': '/chunked', ':method': 'HEAD' }), { status: 200, text: '' })
})

t.test('a method is what the client wrote, whatever it looks like', async t => {
  seen.length = 0
  const stream = session.request({ ':path': '/hello', ':method': 'connect' })
  stream.on('error', () => {})
  const [answer] = await once(stream, 'response').catch(error => [error])
  t.equal(answer[':status'], 501)
  t.same(seen, [])
})

t.test('a large head arrives as over HTTP/1.1', async t => {
  t.match(await askHttp2(session, { ':path': '/large-head' }), { text: 'large' })
})

t.test('a session that has ended does not stay open for a client that never closes', async t => {
  const limits = { keepAliveTimeoutMs: 50, headersTimeoutMs: 100, maxConnections: 1 }
  const { url } = await serveApp(t, { ...limits, listeners: [listener({ tls })] }, app)
  const tcp = connect({ host: url.hostname, port: Number(url.port), allowHalfOpen: true })
  // A whole connection of its own, which is not closed when the other end is.
  const socket = connectTls({ socket: new HalfOpen(tcp), rejectUnauthorized: false, ALPNProtocols: ['h2'] })
  await once(socket, 'secureConnect')
  socket.write(PREFACE)
  socket.on('error', () => {}).resume()
  await once(tcp, 'end')
  t.notOk(tcp.destroyed)
  await eventually(async () => {
    const other = await dialTls(url, { ca }).catch(() => null)
    other?.destroy()
    return other !== null
  }, 'there is room for another connection')
  tcp.destroy()
})
