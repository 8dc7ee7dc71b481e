/** HTTP/1.x itself, by the bytes on the connection. */
import { setTimeout as wait } from 'node:timers/promises'
import { askRaw } from '../../support/http-client.js'
import { httpShapes, masked } from '../../support/http-shapes.js'
import { RAW_PREFIX } from '../apps/raw-routes.js'
import { newKey, type Target } from '../client.js'
import { type Case, casesOf } from './case.js'

const CLOSE = 'Connection: close\r\n'
const get = (path: string, more = '') => `GET ${RAW_PREFIX}${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const last = (path: string, more = '') => get(path, more + CLOSE)
const head = (path: string) => last(path).replace('GET', 'HEAD')
const post = (path: string, more: string) => `POST ${RAW_PREFIX}${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`

const sends =
  (...pieces: (string | Buffer)[]) =>
  (target: Target) =>
    target.raw(...pieces)

/** The shapes that were compared with bare node:http first, now behind every framework. */
const shapes: Case[] = Object.entries(httpShapes(RAW_PREFIX)).map(([name, pieces]) => ({
  feature: 'protocol',
  name,
  ask: async target => target.masked(masked(name, await askRaw(target.port, pieces))),
  shows: /^".+"|^""/s,
}))

const OK = /HTTP\/1\.1 2/
const ANY = /HTTP\/1\.1 \d|^""/

const HEADS = [
  'status',
  'reason',
  'object',
  'reason-object',
  'undefined-reason',
  'flat',
  'flat-cookies',
  'merged',
  'implicit',
  'append',
  'set-headers',
  'several-cookies',
  'large',
  'no-date',
  'refused',
  'after',
  'reading',
  'continue',
  'hints',
  '204-with-body',
  'keep-alive-by-app',
  'chunked-by-app',
  'should-not-keep-alive',
  'upgrade-required',
]

const heads = casesOf(
  'protocol',
  Object.fromEntries(
    HEADS.map(name => [
      `head: ${name}`,
      [
        ANY,
        async (target: Target) => [
          await target.raw(get(`/head/${name}`), last('/hello')),
          await target.raw(head(`/head/${name}`)),
        ],
      ],
    ]),
  ),
)

const STREAMS = ['pipeline', 'early-head', 'cork', 'encodings', 'trailers', 'drain', 'slow-end']

const streams = casesOf('protocol', {
  ...Object.fromEntries(
    STREAMS.map(name => [`stream: ${name}`, [OK, sends(last(`/stream/${name}`))] as const]),
  ),
  'a source that fails': [
    /some of it/,
    async target => {
      const key = newKey()
      const received = await target.raw(get(`/stream/fails?key=${key}`))
      return [received, await target.journal(key, 'pipeline the source failed')]
    },
  ],
  'each piece is answered before the next': [
    /\[one\].*\[two\].*\[three\]/s,
    async target => {
      const client = target.connect(post('/stream/echo', `Transfer-Encoding: chunked\r\n${CLOSE}`))
      for (const piece of ['one', 'two', 'three']) {
        client.send(`${piece.length}\r\n${piece}\r\n`)
        await client.until(`[${piece}]`)
      }
      return target.masked(await client.send('0\r\n\r\n').untilClosed())
    },
  ],
  'the first part is there before the second exists': [
    /second part/,
    async target => {
      const key = newKey()
      const client = target.connect(last(`/stream/parts?key=${key}`))
      await client.until('first part')
      await target.ask(`/raw/deliver?key=${key}`)
      return target.masked(await client.untilClosed())
    },
  ],
  'trailers of the request': [
    /X-T/,
    sends(
      `${post('/stream/request-trailers', `Transfer-Encoding: chunked\r\nTrailer: X-T\r\n${CLOSE}`)}2\r\nhi\r\n0\r\nX-T: 1\r\nx-t: 2\r\n\r\n`,
    ),
  ],
  'a body longer than its strict length': [
    /end ERR_HTTP_CONTENT_LENGTH_MISMATCH/,
    async target => {
      const key = newKey()
      const received = await target.raw(get(`/head/strict-length?key=${key}`))
      return { received, notes: await target.notes(key) }
    },
  ],
  'a body refused while it is sent': [
    /413/,
    async target => {
      const client = target.connect(post('/stream/refuse', 'Content-Length: 100000\r\n'), 'x'.repeat(50_000))
      const answer = await client.until('too large')
      client.close()
      return target.masked(answer)
    },
  ],
})

const connections = casesOf('protocol', {
  'the client closes its half before the answer': [
    /request aborted/,
    async target => {
      const key = newKey()
      const client = target.connect(get(`/watch/wait?key=${key}`))
      await target.journal(key, 'arrived')
      client.socket.end()
      const received = await client.untilClosed()
      return { received, notes: await target.journal(key, 'over') }
    },
  ],
  'half a body, then the client closes its half': [
    /^"/,
    async target => {
      const client = target.connect(post('/count', 'Content-Length: 5\r\n'), 'he')
      client.socket.end()
      return target.masked(await client.untilClosed())
    },
  ],
  'half a head, then the client closes its half': [
    /^"/,
    async target => {
      const client = target.connect('GET /raw/hello HTTP/1.1\r\nHo')
      client.socket.end()
      return target.masked(await client.untilClosed())
    },
  ],
  'an idle connection is closed in time, and not before': [
    /"open":true/,
    async target => {
      const client = target.connect(get('/hello'))
      await client.until('hello')
      await wait(500)
      const open = !client.closed
      return { open, received: target.masked(await client.untilClosed()) }
    },
  ],
  'twelve pipelined requests': [
    OK,
    sends(
      Array.from({ length: 12 }, (_, at) =>
        get(at % 3 === 0 ? '/slow' : at % 3 === 1 ? '/chunks' : '/what'),
      ).join('') + last('/hello'),
    ),
  ],
  'pipelined bodies': [
    OK,
    sends(
      [1, 2, 3].map(size => post('/count', `Content-Length: ${size}\r\n`) + 'x'.repeat(size)).join('') +
        last('/hello'),
    ),
  ],
  'nothing is answered after a close': [/bye/, sends(get('/close') + get('/hello') + last('/hello'))],
  'nothing is answered after the client asked to close': [/HTTP/, sends(last('/hello') + get('/chunks'))],
  'an error in the middle of a pipeline': [/HTTP/, sends(`${get('/hello')}garbage\r\n\r\n${get('/hello')}`)],
  'a cut in the middle of a pipeline': [/^"/, sends(get('/hello') + get('/destroy-socket') + get('/hello'))],
  'keep-alive asked for in HTTP/1.0': [
    OK,
    sends(
      'GET /raw/length HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n',
      'HEAD /raw/length HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n',
      'POST /raw/count HTTP/1.0\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi',
    ),
  ],
  'blank lines before a request': [OK, sends(`\r\n\r\n${last('/hello')}`)],
})

const HEADS_REFUSED: Readonly<Record<string, string>> = {
  'length and chunks at once': post('/count', 'Content-Length: 3\r\nTransfer-Encoding: chunked\r\n'),
  'two lengths': post('/count', 'Content-Length: 3\r\nContent-Length: 4\r\n'),
  'the same length twice': `${post('/count', `Content-Length: 2\r\nContent-Length: 2\r\n${CLOSE}`)}hi`,
  'a length that is no number': post('/count', 'Content-Length: 3x\r\n'),
  'an unknown transfer coding': post('/count', `Transfer-Encoding: gzip\r\n${CLOSE}`),
  'chunked not last': post('/count', 'Transfer-Encoding: chunked, gzip\r\n'),
  'line feeds alone': 'GET /raw/hello HTTP/1.1\nHost: a\n\n',
  'a folded header': `GET /raw/what HTTP/1.1\r\nHost: a\r\nX-Folded: one\r\n two\r\n${CLOSE}\r\n`,
  'a blank before the colon': last('/what', 'X-Blank : 1\r\n'),
  'a zero byte': last('/what', 'X-Zero: a\0b\r\n'),
  'an empty value': last('/what', 'X-Empty:\r\nX-Blanks:   \r\n'),
  'an unknown method': 'BREW /raw/what HTTP/1.1\r\nHost: a\r\n\r\n',
  'a method in small letters': 'get /raw/what HTTP/1.1\r\nHost: a\r\n\r\n',
  'a rare method': `PROPFIND /raw/what HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`,
  TRACE: `TRACE /raw/what HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`,
  'two hosts': `GET /raw/what HTTP/1.1\r\nHost: a\r\nHost: b\r\n${CLOSE}\r\n`,
  'a target with a blank': 'GET /raw/wh at HTTP/1.1\r\nHost: a\r\n\r\n',
  'a target beyond ASCII': `GET /raw/what?\xfc HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`,
  'a fragment': `GET /raw/what#part HTTP/1.1\r\nHost: a\r\n${CLOSE}\r\n`,
  'a long target': last(`/what?${'q'.repeat(8000)}`),
  'a target that is too long': last(`/what?${'q'.repeat(20_000)}`),
  'HTTP/2.0 in a head': 'GET /raw/what HTTP/2.0\r\nHost: a\r\n\r\n',
  "HTTP/2's preface": 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'a TLS greeting': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
  'a chunk that is too long': `${post('/count', 'Transfer-Encoding: chunked\r\n')}2\r\nabc\r\n0\r\n\r\n`,
  'forbidden trailers': `${post('/what', `Transfer-Encoding: chunked\r\n${CLOSE}`)}0\r\nContent-Length: 5\r\n\r\n`,
  'more than 100-continue': `${post('/count', `Content-Length: 2\r\nExpect: 100-Continue\r\n${CLOSE}`)}hi`,
  'a GET with a body': `${last('/count', 'Content-Length: 5\r\n')}hello`,
  'a HEAD with a body': `${last('/count', 'Content-Length: 5\r\n').replace('GET', 'HEAD')}hello`,
  'cookies in two lines': last('/what', 'Cookie: a=1\r\nCookie: sid=s%3Anobody.nothing\r\n'),
  'hop-by-hop headers': last(
    '/what',
    'Keep-Alive: timeout=5\r\nTE: trailers\r\nProxy-Connection: keep-alive\r\n',
  ),
  'upgrade to h2c': get(
    '/what',
    'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n',
  ),
}

const refused = casesOf(
  'protocol',
  Object.fromEntries(
    Object.entries(HEADS_REFUSED).map(([name, bytes]) => [name, [/^"/, sends(bytes)] as const]),
  ),
)

const targets = casesOf('protocol', {
  CONNECT: [/^"/, sends('CONNECT example.com:443 HTTP/1.1\r\nHost: a\r\n\r\n')],
})

export const protocolCases: readonly Case[] = [
  ...shapes,
  ...heads,
  ...streams,
  ...connections,
  ...refused,
  ...targets,
]
