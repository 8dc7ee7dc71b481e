/** Every shape of request that a server meets, as raw bytes, and a comparison of two servers' answers to it. */
import type { Test } from 'tap'
import { askRaw } from './http-client.js'

/** No character of it is a hexadecimal digit, so that chunk sizes can be told from it. */
const bytes = (size: number) => Buffer.alloc(size, 'klmnopqrst')

/** What is sent, by what it is about; the last request of each closes the connection. */
export type Shapes = Readonly<Record<string, readonly (string | Buffer)[]>>

/** How requests are written below one path. */
function requestsBelow(prefix: string) {
  const get = (path: string, more = '') => `GET ${prefix}${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
  const last = get('/hello', 'Connection: close\r\n')
  return {
    get,
    last,
    post: (path: string, body: string | Buffer, more = '') => [
      `POST ${prefix}${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${more}\r\n`,
      body,
    ],
    /** A request and, so that the connection ends when all is answered, one more that closes it. */
    closing: (...pieces: (string | Buffer)[]) => [...pieces, last],
  }
}

/** @param prefix path below which the routes of `http-apps` are */
export function httpShapes(prefix = ''): Shapes {
  const { get, last, post, closing } = requestsBelow(prefix)
  return {
    'a plain answer': closing(get('/hello')),
    'an empty answer': closing(get('/empty')),
    'text beyond ASCII': closing(get('/utf8')),
    binary: closing(get('/binary')),
    'a large answer in one write': closing(get('/large')),
    'a given content length': closing(get('/length')),
    chunks: closing(get('/chunks')),
    'trailers in the answer': closing(get('/trailers')),
    HEAD: closing(`HEAD ${prefix}/hello HTTP/1.1\r\nHost: a\r\n\r\n`),
    'HEAD of chunks': closing(`HEAD ${prefix}/chunks HTTP/1.1\r\nHost: a\r\n\r\n`),
    '204': closing(get('/204')),
    '304': closing(get('/304')),
    'a reason phrase': closing(get('/reason')),
    'early hints': closing(get('/hints')),
    '102': closing(get('/processing')),
    'flushed headers': closing(get('/flush')),
    'connection close by the app': [get('/close')],
    'connection close by the client': [get('/hello', 'Connection: close\r\n')],
    'no framing at all': [get('/no-te')],
    'several values of one header': closing(get('/headers')),
    'raw headers': closing(get('/raw-headers')),
    'HTTP/1.0': [`GET ${prefix}/hello HTTP/1.0\r\n\r\n`],
    'HTTP/1.0 chunks': [`GET ${prefix}/chunks HTTP/1.0\r\n\r\n`],
    'HTTP/1.0 keep-alive': [
      `GET ${prefix}/length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
      `GET ${prefix}/hello HTTP/1.0\r\n\r\n`,
    ],
    'HTTP/1.0 keep-alive without a length': [
      `GET ${prefix}/chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n`,
    ],
    'three pipelined requests, the first slow': [get('/slow') + get('/hello') + get('/chunks') + last],
    'a pipelined request with a body': [
      `${get('/slow')}POST ${prefix}/count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${last}`,
    ],
    'a large answer behind a slow one': [get('/slow') + get('/large') + last],
    '100-continue': closing(...post('/count', 'hello', 'Expect: 100-continue\r\n')),
    'an unknown expectation': closing(get('/hello', 'Expect: tea\r\n')),
    'many headers': closing(
      get('/what', Array.from({ length: 150 }, (_, i) => `X-Header-${i}: ${'v'.repeat(50)}\r\n`).join('')),
    ),
    'headers that are too large': [get('/what', `X-Big: ${'v'.repeat(20_000)}\r\n`)],
    'a malformed request': [`GET ${prefix}/ HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n`],
    'duplicate headers and their case': closing(
      get(
        '/what',
        'X-Dup: 1\r\nx-dup: 2\r\nCookie: a=1\r\nCOOKIE: b=2\r\nUser-Agent: x\r\nUser-Agent: y\r\nX-L: caf\xe9\r\n',
      ),
    ),
    'an upgrade that nobody takes': [get('/what', 'Connection: close, Upgrade\r\nUpgrade: websocket\r\n')],
    'an absolute target': closing(
      `OPTIONS http://a${prefix}/what?x=1 HTTP/1.1\r\nHost: a\r\n\r\n`,
      'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
    ),
    'a body without bytes': closing(...post('/count', '')),
    'one byte': closing(...post('/count', 'x')),
    '4 KiB': closing(...post('/count', bytes(4096))),
    '64 KiB - 1': closing(...post('/count', bytes(65_535))),
    '64 KiB': closing(...post('/count', bytes(65_536))),
    '64 KiB + 1': closing(...post('/count', bytes(65_537))),
    '1 MiB': closing(...post('/count', bytes(1_048_576))),
    'an echo of 1 MiB': closing(...post('/echo', bytes(1_048_576))),
    'a chunked body with trailers': closing(
      `POST ${prefix}/count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n`,
      '6;ext=1\r\n world\r\n',
      '0\r\nX-T: end\r\n\r\n',
    ),
    'a malformed chunk': [
      `POST ${prefix}/count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n`,
    ],
    'a body that the app ignores': closing(...post('/ignore-body', bytes(200_000))),
    'a body that the app ignores, larger than any window': closing(...post('/ignore-body', bytes(900_000))),
    'an answer before the body': closing(...post('/early-answer', bytes(500_000))),
    'res.destroy()': [get('/destroy-res')],
    'req.destroy()': [get('/destroy-req')],
    'socket.destroy()': [get('/destroy-socket')],
    'res.destroy() in the middle': [get('/cut-midway')],
    'a timeout of the response': closing(get('/timeout')),
    'not found': closing(get('/nowhere')),
  }
}

function frameworkShapes(): Shapes {
  const { get, post, closing } = requestsBelow('')
  return {
    'Express: JSON': closing(get('/express')),
    'Express: a parsed body': closing(...post('/express', '{"a":1}', 'Content-Type: application/json\r\n')),
    'Express: redirect': closing(get('/express/redirect')),
    'Express: 304 by etag': closing(get('/express', 'If-None-Match: W/"13-y2RRvkMy2CqXrVRcBAlQJMzPmDY"\r\n')),
    'Express: not found': closing(get('/express/none')),
    'Express: HEAD': closing('HEAD /express HTTP/1.1\r\nHost: a\r\n\r\n'),
    'Koa: JSON': closing(get('/koa')),
    'Koa: an echo': closing(...post('/koa', bytes(100_000))),
    'Fastify: JSON': closing(get('/fastify')),
    'Fastify: a parsed body': closing(...post('/fastify', '{"a":1}', 'Content-Type: application/json\r\n')),
    'Fastify: an error': closing(get('/fastify/throw')),
  }
}

/** What may differ from one moment to the next: the date, and in an echo where one chunk ends. */
export const masked = (name: string, response: string) => {
  const dated = response.replace(/Date: [^\r]+/g, 'Date: masked')
  return name.includes('echo') ? dated.replace(/(?<=\r\n)[0-9a-f]+\r\n|(?<=[k-t])\r\n/g, '') : dated
}

/** The part of a response where it differs from another, short enough to read. */
export function around(response: string, other: string): string {
  let at = 0
  while (at < response.length && response[at] === other[at]) at++
  return `(${response.length} bytes, at ${at}) ${response.slice(Math.max(0, at - 100), at + 200)}`
}

/** Both servers answer every shape with the same bytes. */
export async function answersAlike(t: Test, servers: { bare: number; tested: number }): Promise<void> {
  for (const [name, pieces] of Object.entries({ ...httpShapes(), ...frameworkShapes() })) {
    const expected = masked(name, await askRaw(servers.bare, pieces))
    const found = masked(name, await askRaw(servers.tested, pieces))
    if (found === expected) t.pass(name)
    else t.equal(around(found, expected), around(expected, found), name)
  }
}
