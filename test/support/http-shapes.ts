/** Every shape of request that a server meets, as raw bytes, and a comparison of two servers' answers to it. */
import type { Test } from 'tap'
import { askRaw } from './http-client.js'

const LAST = 'GET /hello HTTP/1.1\r\nHost: last\r\nConnection: close\r\n\r\n'

/** A request and, so that the connection ends when all is answered, one more that closes it. */
const then = (...pieces: (string | Buffer)[]) => [...pieces, LAST]
const get = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const post = (path: string, body: string | Buffer, more = '') => [
  `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n${more}\r\n`,
  body,
]
/** No character of it is a hexadecimal digit, so that chunk sizes can be told from it. */
const bytes = (size: number) => Buffer.alloc(size, 'klmnopqrst')

/** What is sent, by what it is about; the last request of each closes the connection. */
const HTTP_SHAPES: Readonly<Record<string, readonly (string | Buffer)[]>> = {
  'a plain answer': then(get('/hello')),
  'an empty answer': then(get('/empty')),
  'text beyond ASCII': then(get('/utf8')),
  binary: then(get('/binary')),
  'a large answer in one write': then(get('/large')),
  'a given content length': then(get('/length')),
  chunks: then(get('/chunks')),
  'trailers in the answer': then(get('/trailers')),
  HEAD: then('HEAD /hello HTTP/1.1\r\nHost: a\r\n\r\n'),
  'HEAD of chunks': then('HEAD /chunks HTTP/1.1\r\nHost: a\r\n\r\n'),
  '204': then(get('/204')),
  '304': then(get('/304')),
  'a reason phrase': then(get('/reason')),
  'early hints': then(get('/hints')),
  '102': then(get('/processing')),
  'flushed headers': then(get('/flush')),
  'connection close by the app': [get('/close')],
  'connection close by the client': [get('/hello', 'Connection: close\r\n')],
  'no framing at all': [get('/no-te')],
  'several values of one header': then(get('/headers')),
  'raw headers': then(get('/raw-headers')),
  'HTTP/1.0': ['GET /hello HTTP/1.0\r\n\r\n'],
  'HTTP/1.0 chunks': ['GET /chunks HTTP/1.0\r\n\r\n'],
  'HTTP/1.0 keep-alive': [
    'GET /length HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    'GET /hello HTTP/1.0\r\n\r\n',
  ],
  'HTTP/1.0 keep-alive without a length': ['GET /chunks HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
  'three pipelined requests, the first slow': [get('/slow') + get('/hello') + get('/chunks') + LAST],
  'a pipelined request with a body': [
    `${get('/slow')}POST /count HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello${LAST}`,
  ],
  'a large answer behind a slow one': [get('/slow') + get('/large') + LAST],
  '100-continue': then(...post('/count', 'hello', 'Expect: 100-continue\r\n')),
  'an unknown expectation': then(get('/hello', 'Expect: tea\r\n')),
  'many headers': then(
    get('/what', Array.from({ length: 150 }, (_, i) => `X-Header-${i}: ${'v'.repeat(50)}\r\n`).join('')),
  ),
  'headers that are too large': [get('/what', `X-Big: ${'v'.repeat(20_000)}\r\n`)],
  'a malformed request': ['GET / HTTP/1.1\r\nHost: a\r\nbad header\r\n\r\n'],
  'no Host': ['GET /hello HTTP/1.1\r\n\r\n'],
  'duplicate headers and their case': then(
    get(
      '/what',
      'X-Dup: 1\r\nx-dup: 2\r\nCookie: a=1\r\nCOOKIE: b=2\r\nUser-Agent: x\r\nUser-Agent: y\r\nX-L: caf\xe9\r\n',
    ),
  ),
  'an upgrade that nobody takes': [get('/what', 'Connection: close, Upgrade\r\nUpgrade: websocket\r\n')],
  'an absolute target': then(
    'OPTIONS http://a/what?x=1 HTTP/1.1\r\nHost: a\r\n\r\n',
    'OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n',
  ),
  'a body without bytes': then(...post('/count', '')),
  'one byte': then(...post('/count', 'x')),
  '4 KiB': then(...post('/count', bytes(4096))),
  '64 KiB - 1': then(...post('/count', bytes(65_535))),
  '64 KiB': then(...post('/count', bytes(65_536))),
  '64 KiB + 1': then(...post('/count', bytes(65_537))),
  '1 MiB': then(...post('/count', bytes(1_048_576))),
  'an echo of 1 MiB': then(...post('/echo', bytes(1_048_576))),
  'a chunked body with trailers': then(
    'POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5\r\nhello\r\n',
    '6;ext=1\r\n world\r\n',
    '0\r\nX-T: end\r\n\r\n',
  ),
  'a malformed chunk': ['POST /count HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n'],
  'a body that the app ignores': then(...post('/ignore-body', bytes(200_000))),
  'a body that the app ignores, larger than any window': then(...post('/ignore-body', bytes(900_000))),
  'an answer before the body': then(...post('/early-answer', bytes(500_000))),
  'res.destroy()': [get('/destroy-res')],
  'req.destroy()': [get('/destroy-req')],
  'socket.destroy()': [get('/destroy-socket')],
  'res.destroy() in the middle': [get('/cut-midway')],
  'a timeout of the response': then(get('/timeout')),
  'not found': then(get('/nowhere')),
  'Express: JSON': then(get('/express')),
  'Express: a parsed body': then(...post('/express', '{"a":1}', 'Content-Type: application/json\r\n')),
  'Express: redirect': then(get('/express/redirect')),
  'Express: 304 by etag': then(get('/express', 'If-None-Match: W/"13-y2RRvkMy2CqXrVRcBAlQJMzPmDY"\r\n')),
  'Express: not found': then(get('/express/none')),
  'Express: HEAD': then('HEAD /express HTTP/1.1\r\nHost: a\r\n\r\n'),
  'Koa: JSON': then(get('/koa')),
  'Koa: an echo': then(...post('/koa', bytes(100_000))),
  'Fastify: JSON': then(get('/fastify')),
  'Fastify: a parsed body': then(...post('/fastify', '{"a":1}', 'Content-Type: application/json\r\n')),
  'Fastify: an error': then(get('/fastify/throw')),
}

/** What may differ from one moment to the next: the date, and in an echo where one chunk ends. */
const masked = (name: string, response: string) => {
  const dated = response.replace(/Date: [^\r]+/g, 'Date: masked')
  return name.includes('echo') ? dated.replace(/(?<=\r\n)[0-9a-f]+\r\n|(?<=[k-t])\r\n/g, '') : dated
}

/** The part of a response where it differs from another, short enough to read. */
function around(response: string, other: string): string {
  let at = 0
  while (at < response.length && response[at] === other[at]) at++
  return `(${response.length} bytes, at ${at}) ${response.slice(Math.max(0, at - 200), at + 300)}`
}

/** Both servers answer every shape with the same bytes. */
export async function answersAlike(t: Test, servers: { bare: number; tested: number }): Promise<void> {
  for (const [name, pieces] of Object.entries(HTTP_SHAPES)) {
    const expected = masked(name, await askRaw(servers.bare, pieces))
    const found = masked(name, await askRaw(servers.tested, pieces))
    if (found === expected) t.pass(name)
    else t.equal(around(found, expected), around(expected, found), name)
  }
}
