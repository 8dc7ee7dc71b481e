/** HTTP/2 at a TLS listener: apps see HTTP/1.1 and the real client, clients see HTTP/2 with all that apps can do. */
import { once } from 'node:events'
import type { IncomingMessage } from 'node:http'
import { constants } from 'node:http2'
import { text } from 'node:stream/consumers'
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
  untilClosed,
} from '../../../support/listeners.js'
import { needs } from '../../../support/needs.js'

needs('openssl')

const authority = await Authority.make(t)
const ca = await authority.ca
const tls = tlsOf(await authority.issueFiles('IP:127.0.0.1'))
const MIB = 1024 * 1024
/** Requests that a client makes and takes back. */
const FLOOD = 10_000

/** Requests that the app has been told were aborted. */
const aborted: string[] = []
let waiting: IncomingMessage | null = null

const paths: Record<string, Listener> = {
  '/seen': async (req, res) => {
    const { method, url, httpVersion, headers, rawHeaders, socket } = req
    const { remoteAddress, remotePort } = socket
    const encrypted = 'encrypted' in socket && socket.encrypted === true
    const body = await text(req)
    const { trailers } = req
    const seen = {
      method,
      url,
      httpVersion,
      headers,
      rawHeaders,
      remoteAddress,
      remotePort,
      encrypted,
      body,
      trailers,
    }
    res.setHeader('Set-Cookie', ['a=1', 'b=2'])
    res.setHeader('X-Private', 'hop')
    res.setHeader('Connection', 'x-private')
    res.end(JSON.stringify(seen))
  },
  '/echo': (req, res) => req.pipe(res),
  '/hints': (_, res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload' })
    res.end('after')
  },
  '/trailers': (_, res) => {
    res.write('body')
    res.addTrailers({ 'X-Checksum': 'abc' })
    res.end()
  },
  '/nothing': (_, res) => res.writeHead(204).end(),
  '/same': (_, res) => res.writeHead(304, { ETag: '"1"' }).end(),
  '/length': (_, res) => res.writeHead(200, { 'Content-Length': '5' }).end('hello'),
  '/cut': (_, res) => {
    res.write('some')
    setTimeout(() => res.destroy(), 10)
  },
  '/cut-now': (_, res) => res.destroy(),
  '/wait': (req, res) => {
    waiting = req
    req.on('close', () => {
      aborted.push(req.url ?? '')
      res.end()
    })
  },
  '/early': (_, res) => res.end('early'),
  '/big': (_, res) => {
    res.writeHead(200)
    const piece = Buffer.alloc(64 * 1024, 'x')
    let left = 512
    const more = () => {
      while (left-- > 0) if (!res.write(piece)) return res.once('drain', more)
      return res.end()
    }
    more()
  },
  '/forbidden': (_, res) => res.end(),
}

const app: Listener = (req, res) => {
  const handle = paths[(req.url ?? '').split('?')[0] ?? '']
  if (handle === undefined) return res.writeHead(404).end()
  return handle(req, res)
}

const { url, front, web } = await serveApp(t, { listeners: [listener({ tls })] }, app)
const session = http2Session(t, url, ca)

t.test('an app sees an ordinary HTTP/1.1 request of the real client', async t => {
  const answer = await askHttp2(
    session,
    {
      ':path': '/seen?x=1',
      ':method': 'POST',
      ':authority': 'shop.example',
      cookie: ['a=1', 'b=2', 'sid=3'],
      'x-thing': 'one',
      te: 'trailers',
    },
    'hello',
  )
  const seen = JSON.parse(answer.text)
  t.match(seen, {
    method: 'POST',
    url: '/seen?x=1',
    httpVersion: '1.1',
    headers: {
      host: 'shop.example',
      cookie: 'a=1; b=2; sid=3',
      'x-thing': 'one',
      'transfer-encoding': 'chunked',
    },
    remoteAddress: '127.0.0.1',
    remotePort: session.socket.localPort,
    encrypted: true,
    body: 'hello',
  })
  t.same(answer.headers['set-cookie'], ['a=1', 'b=2'])
  for (const name of ['connection', 'keep-alive', 'transfer-encoding', 'x-private']) {
    t.notOk(name in answer.headers, `${name} stays behind`)
  }
  t.type(answer.headers.date, 'string')
})

t.test('bodies of every shape arrive as they are', async t => {
  const bodyless = JSON.parse((await askHttp2(session, { ':path': '/seen', ':method': 'POST' })).text)
  t.match(bodyless, { body: '', headers: { 'content-length': '0' } })
  const get = JSON.parse((await askHttp2(session, { ':path': '/seen' })).text)
  t.notOk('content-length' in get.headers || 'transfer-encoding' in get.headers)
  const withBody = JSON.parse((await askHttp2(session, { ':path': '/seen' }, 'a GET with a body')).text)
  t.equal(withBody.body, 'a GET with a body')
  const sized = await askHttp2(session, { ':path': '/seen', ':method': 'PUT', 'content-length': '4' }, 'four')
  t.match(JSON.parse(sized.text), { body: 'four', headers: { 'content-length': '4' } })
  const bytes = Buffer.alloc(3 * MIB, 'abc')
  const big = await askHttp2(session, { ':path': '/echo', ':method': 'POST' }, bytes)
  t.ok(big.text === bytes.toString(), '3 MiB there and back')
})

t.test('trailers, both ways', async t => {
  t.match(await askHttp2(session, { ':path': '/trailers' }), {
    text: 'body',
    trailers: { 'x-checksum': 'abc' },
  })
  const stream = session.request({ ':path': '/seen', ':method': 'POST' }, { waitForTrailers: true })
  stream.on('wantTrailers', () => stream.sendTrailers({ 'x-sum': '7' }))
  stream.end('body')
  t.match(JSON.parse(await text(stream)), { body: 'body', trailers: { 'x-sum': '7' } })
})

t.test('early hints come before the answer', async t => {
  const { hints, text, status } = await askHttp2(session, { ':path': '/hints' })
  t.match(hints, [{ ':status': 103, link: '</style.css>; rel=preload' }])
  t.match({ text, status }, { text: 'after', status: 200 })
})

t.test('HEAD, 204 and 304 have no body and keep their headers', async t => {
  t.match(await askHttp2(session, { ':path': '/length', ':method': 'HEAD' }), {
    status: 200,
    text: '',
    headers: { 'content-length': '5' },
  })
  t.match(await askHttp2(session, { ':path': '/nothing' }), { status: 204, text: '' })
  t.match(await askHttp2(session, { ':path': '/same' }), { status: 304, text: '', headers: { etag: '"1"' } })
})

t.test('what the app cuts is reset, and nothing else of the session', async t => {
  const cut = session.request({ ':path': '/cut' })
  await t.rejects(text(cut), { code: 'ERR_HTTP2_STREAM_ERROR' })
  t.equal(cut.rstCode, constants.NGHTTP2_INTERNAL_ERROR)
  await t.rejects(askHttp2(session, { ':path': '/cut-now' }), { code: 'ERR_HTTP2_STREAM_ERROR' })
  t.match(await askHttp2(session, { ':path': '/length' }), { text: 'hello' })
})

t.test('a reset by the client aborts the request at the app', async t => {
  for (const method of ['GET', 'POST']) {
    aborted.length = 0
    waiting = null
    const stream = session.request({ ':path': '/wait', ':method': method }, { endStream: method === 'GET' })
    await eventually(() => waiting !== null, 'the app has it')
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually(() => aborted.length === 1, `the app knows that the ${method} is gone`)
    t.pass(method)
  }
  await eventually(() => front.inFlight === 0 && web.server.inFlight === 0, 'nothing is left')
})

t.test('an answer before the end of a body is passed on, and the session goes on', async t => {
  const stream = session.request({ ':path': '/early', ':method': 'POST' })
  stream.write(Buffer.alloc(100_000))
  t.equal(await text(stream), 'early')
  stream.end()
  t.match(await askHttp2(session, { ':path': '/length' }), { text: 'hello' })
})

t.test('a client that does not read holds its app back, and gets all of it later', async t => {
  const other = http2Session(t, url, ca)
  const stream = other.request({ ':path': '/big' })
  await once(stream, 'response')
  const held = () => stream.readableLength
  await eventually(() => held() > 0, 'it begins')
  const before = process.memoryUsage().rss
  await new Promise(resolve => setTimeout(resolve, 200))
  t.ok(process.memoryUsage().rss - before < 16 * MIB, 'nobody buffers 32 MiB')
  t.equal((await text(stream)).length, 32 * MIB)
})

t.test('what HTTP/1.1 can not say is refused, and can not break out of its request', async t => {
  await t.rejects(askHttp2(session, { ':path': '/a b' }), { code: 'ERR_HTTP2_STREAM_ERROR' })
  const tunnel = session.request({ ':method': 'CONNECT', ':authority': 'a:1' })
  t.match(await once(tunnel, 'response'), [{ ':status': 501 }])
  t.notOk(session.remoteSettings.enableConnectProtocol, 'extended CONNECT is not offered')
  // A body longer than it says would be a second request behind the first.
  const smuggled = 'GET /seen HTTP/1.1\r\nHost: a\r\n\r\n'
  const other = http2Session(t, url, ca)
  const stream = other.request({ ':path': '/length', ':method': 'POST', 'content-length': '0' })
  stream.on('error', () => {})
  stream.end(smuggled)
  if (!stream.closed) await once(stream, 'close').catch(() => {})
  t.not(stream.rstCode, constants.NGHTTP2_NO_ERROR)
})

t.test('a head that is too large is refused, that of many small ones too', async t => {
  const large = await askHttp2(session, { ':path': '/seen', 'x-large': 'x'.repeat(17_000) }).catch(
    error => error,
  )
  t.ok(large.status === 431 || large.code === 'ERR_HTTP2_STREAM_ERROR', `${large.status} ${large.code}`)
  const other = http2Session(t, url, ca)
  const flood = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`x-${index}`, 'y']))
  const many = await askHttp2(other, { ':path': '/seen', ...flood }).catch(error => error)
  t.ok(many.status === 431 || many.code?.startsWith('ERR_HTTP2'), `${many.status} ${many.code}`)
})

t.test('more than 128 requests at once wait for their turn', async t => {
  const other = http2Session(t, url, ca)
  await once(other, 'remoteSettings')
  t.equal(other.remoteSettings.maxConcurrentStreams, 128)
  const answers = await Promise.all(
    Array.from({ length: 300 }, () => askHttp2(other, { ':path': '/length' })),
  )
  t.ok(answers.every(({ text }) => text === 'hello'))
})

t.test('a connection counts once, with all its requests', async t => {
  const { url, front } = await serveApp(t, { listeners: [listener({ tls })] }, (req, res) => {
    req.on('close', () => res.end())
  })
  const other = http2Session(t, url, ca)
  const streams = ['/', '/'].map(path => other.request({ ':path': path }))
  await eventually(() => front.inFlight === 2, 'two are in flight')
  t.equal(front.connections, 1)
  for (const stream of streams) stream.close(constants.NGHTTP2_CANCEL)
  other.close()
  await eventually(() => front.connections === 0, 'it is gone')
})

t.test('a client that resets its requests as fast as it can is cut off', async t => {
  let asked = 0
  const { url, front } = await serveApp(
    t,
    { keepAliveTimeoutMs: 200, listeners: [listener({ tls })] },
    req => {
      asked++
      req.on('close', () => {})
    },
  )
  const socket = await dialTls(url, { ca, ALPNProtocols: ['h2'] })
  const closed = untilClosed(socket)
  socket.write(PREFACE)
  const cancel = Buffer.from([0, 0, 0, constants.NGHTTP2_CANCEL])
  const get = getHeaders('/')
  const pair = (id: number) => [
    frame(FRAME.headers, WHOLE_REQUEST, id, get),
    frame(FRAME.rstStream, 0, id, cancel),
  ]
  for (let sent = 0; sent < FLOOD && !socket.destroyed; sent += 100) {
    socket.write(
      Buffer.concat(Array.from({ length: 100 }, (_, index) => pair(2 * (sent + index) + 1)).flat()),
    )
    await new Promise(resolve => setTimeout(resolve, 1))
  }
  await closed
  t.ok(asked < FLOOD / 4, `${asked} reached the app`)
  await eventually(() => front.inFlight === 0, 'nothing is left')
})

t.test('clients without HTTP/2 go on with HTTP/1.1', async t => {
  for (const ALPNProtocols of [['http/1.1'], ['h2', 'http/1.1'], undefined]) {
    const socket = await dialTls(url, { ca, ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }) })
    if (ALPNProtocols?.[0] === 'h2') t.equal(socket.alpnProtocol, 'h2')
    else socket.write('GET /length HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    if (ALPNProtocols?.[0] === 'h2') socket.destroy()
    else t.match(await untilClosed(socket), /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nhello$/)
  }
})

t.test('with http2: false nobody is offered it', async t => {
  const { url } = await serveApp(t, { listeners: [listener({ tls: { ...tls, http2: false } })] }, app)
  const socket = await dialTls(url, { ca, ALPNProtocols: ['h2', 'http/1.1'] })
  t.equal(socket.alpnProtocol, 'http/1.1')
  socket.destroy()
})

t.test('an idle session is ended in its time', async t => {
  const { url } = await serveApp(t, { keepAliveTimeoutMs: 100, listeners: [listener({ tls })] }, app)
  const other = http2Session(t, url, ca)
  t.match(await askHttp2(other, { ':path': '/length' }), { text: 'hello' })
  await once(other, 'close')
  t.pass('closed')
})

t.test('a stop finishes streams in flight, and says of a later one that nobody has looked at it', async t => {
  let asked = 0
  const { url, front: stopped } = await serveApp(t, { listeners: [listener({ tls })] }, (_, res) => {
    asked++
    setTimeout(() => res.end('finished'), 100)
  })
  const socket = await dialTls(url, { ca, ALPNProtocols: ['h2'] })
  const closed = untilClosed(socket)
  const bodies: string[] = []
  const lastStreams = new Set<number>()
  const request = (stream: number) =>
    socket.write(frame(FRAME.headers, WHOLE_REQUEST, stream, getHeaders('/')))
  onFrames(socket, ({ type, stream, payload }) => {
    if (type === FRAME.data && payload.length > 0) bodies.push(`${stream} ${payload}`)
    if (type !== FRAME.goaway) return
    if (lastStreams.size === 0) request(3)
    lastStreams.add(payload.readUInt32BE(0))
  })
  socket.write(PREFACE)
  request(1)
  await eventually(() => stopped.inFlight === 1, 'one is in flight')
  await stopped.stop(60_000)
  await closed
  t.same(
    { bodies, lastStreams: [...lastStreams], asked },
    { bodies: ['1 finished'], lastStreams: [1], asked: 1 },
  )
})

t.test('a real client finishes its requests over a stop', async t => {
  const { url, front: stopped } = await serveApp(t, { listeners: [listener({ tls })] }, (_, res) => {
    setTimeout(() => res.end('finished'), 100)
  })
  const other = http2Session(t, url, ca)
  await once(other, 'remoteSettings')
  const answers = Promise.all(Array.from({ length: 5 }, () => askHttp2(other, { ':path': '/' })))
  await eventually(() => stopped.inFlight === 5, 'they are in flight')
  await stopped.stop(60_000)
  for (const { text } of await answers) t.equal(text, 'finished')
})

t.test('a stop does not wait for a client that answers nothing', async t => {
  const { url, front: stopped } = await serveApp(t, { listeners: [listener({ tls })] }, app)
  const socket = await dialTls(url, { ca, ALPNProtocols: ['h2'] })
  socket.write(PREFACE)
  await once(socket, 'data')
  await Promise.all([stopped.stop(60_000), untilClosed(socket)])
})
