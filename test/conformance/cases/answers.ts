/** What apps answer: compression, files, conditional requests, headers, views, errors, redirects, proxies. */
import type { AskOptions, Target } from '../client.js'
import { newKey, valuesOf } from '../client.js'
import { type Case, casesOf } from './case.js'

const get =
  (path: string, headers?: AskOptions['headers'], method: AskOptions['method'] = 'GET') =>
  (target: Target) =>
    target.ask(path, { method, ...(headers === undefined ? {} : { headers }) })

const head = (path: string, headers?: AskOptions['headers']) => get(path, headers, 'HEAD')

/** Asks, then asks again with what the first answer said of its version. */
const again =
  (path: string, condition: string, validator: string) =>
  async (target: Target): Promise<unknown> => {
    const first = await target.ask(path)
    const value = valuesOf(first, validator)[0] ?? ''
    return [first, await target.ask(path, { headers: { [condition]: value } })]
  }

const compression = casesOf('compression', {
  gzip: [/content-encoding: gzip/i, get('/compressed', { 'accept-encoding': 'gzip' })],
  brotli: [
    /content-encoding: br/i,
    get('/compressed', { 'accept-encoding': 'br, gzip;q=0.5' }),
    ...withBrotli(),
  ],
  none: [/"status":200/, get('/compressed', { 'accept-encoding': 'identity' })],
  'HEAD of what would be compressed': [/"status":200/, head('/compressed', { 'accept-encoding': 'gzip' })],
})

function withBrotli() {
  return ['express4', 'express5', 'koa', 'fastify', 'node', 'connect'] as const
}

const flush = casesOf('flush', {
  'the first part arrives before there is a second': [
    /"before":true/,
    async target => {
      const key = newKey()
      const client = target.connect(
        `GET /compressed/parts?key=${key} HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip\r\nConnection: close\r\n\r\n`,
      )
      const received = await client.until('\r\n\r\n')
      while (client.received.length <= received.indexOf('\r\n\r\n') + 30) await target.notes(key)
      const before = !client.closed
      await target.ask(`/raw/deliver?key=${key}`)
      return { before, bytes: target.masked(await client.untilClosed()).length }
    },
  ],
})

const files = casesOf('files', {
  'a file': [/"status":200/, get('/static/page.html')],
  'a large file': [/"status":200.*300000 bytes/, get('/static/large.bin')],
  'HEAD of a file': [/"status":200.*Content-Length: 300000/i, head('/static/large.bin')],
  'a range': [
    /"status":206.*"body":"2345"/,
    get('/static/digits.txt', { range: 'bytes=2-5' }),
    ...withRanges(),
  ],
  'a range from the end': [
    /"status":206/,
    get('/static/large.bin', { range: 'bytes=-1000' }),
    ...withSuffixRanges(),
  ],
  'an open range': [/"status":206/, get('/static/digits.txt', { range: 'bytes=7-' }), ...withRanges()],
  'several ranges': [/"status":20[06]/, get('/static/digits.txt', { range: 'bytes=0-1,4-5' })],
  'a range beyond the end': [/"status":(416|200|206)/, get('/static/digits.txt', { range: 'bytes=99-' })],
  'a range that is none': [/"status":\d/, get('/static/digits.txt', { range: 'lines=1' })],
  'no such file': [/"status":404/, get('/static/none.txt')],
  'a way out of the folder': [/"status":(403|404)/, get('/static/%2e%2e/views/page.ejs')],
  'a folder': [/"status":\d/, get('/static/sub')],
})

/** koa-static knows none. */
function withRanges() {
  return ['express4', 'express5', 'fastify', 'connect', 'hono'] as const
}

function withSuffixRanges() {
  return ['express4', 'express5', 'fastify', 'connect'] as const
}

const VALIDATED = ['express4', 'express5', 'fastify', 'connect', 'koa'] as const

const conditional = casesOf('files', {
  'If-None-Match': [
    /"status":304/,
    again('/static/digits.txt', 'if-none-match', 'etag'),
    'express4',
    'express5',
    'fastify',
    'connect',
  ],
  'If-Modified-Since': [
    /"status":\d/,
    again('/static/digits.txt', 'if-modified-since', 'last-modified'),
    ...VALIDATED,
  ],
  'If-Match that fails': [/"status":\d/, get('/static/digits.txt', { 'if-match': '"other"' })],
  'If-Unmodified-Since that fails': [
    /"status":\d/,
    get('/static/digits.txt', { 'if-unmodified-since': 'Wed, 21 Oct 2015 07:28:00 GMT' }),
  ],
  'If-Range that fails': [
    /"status":20[06]/,
    get('/static/digits.txt', { range: 'bytes=0-1', 'if-range': '"other"' }),
  ],
})

const sendFile = casesOf('sendFile', {
  'a file from a handler': [/"status":200.*page/, get('/file')],
  HEAD: [/"status":200/, head('/file'), 'express4', 'express5', 'fastify', 'node'],
  'not modified': [/"status":304/, again('/file', 'if-modified-since', 'last-modified')],
})

const download = casesOf('download', {
  'a missing file': [/"status":404/, get('/file/none')],
  'a download': [/Content-Disposition: attachment/i, get('/file/download')],
  'a range of a download': [/"status":206/, get('/file/download', { range: 'bytes=0-3' })],
})

const etag = casesOf('etag', {
  fresh: [/"status":304/, again('/etag', 'if-none-match', 'etag')],
  stale: [/"status":200/, get('/etag', { 'if-none-match': '"another"' })],
  HEAD: [/"status":200/, head('/etag')],
})

const modified = casesOf('modified', {
  fresh: [/"status":304/, get('/modified', { 'if-modified-since': 'Wed, 21 Oct 2015 07:28:00 GMT' })],
  stale: [/"status":200/, get('/modified', { 'if-modified-since': 'Tue, 20 Oct 2015 07:28:00 GMT' })],
})

const headers = [
  ...casesOf('helmet', { helmet: [/X-Content-Type-Options: nosniff/i, get('/helmet')] }),
  ...casesOf('cookies', {
    'set and read': [
      /Set-Cookie: signed=/i,
      get('/cookies', { cookie: 'a=1; b="quoted"; a=2' }),
      ...withSigned(),
    ],
    'several of them': [/Set-Cookie: .*Set-Cookie: /i, get('/cookies', { cookie: 'a=%C3%BC; broken; =x' })],
    'signed ones read again': [
      /"status":200/,
      async target => {
        const cookies = valuesOf(await target.ask('/cookies'), 'set-cookie')
        return target.ask('/cookies', {
          headers: { cookie: cookies.map(each => each.split(';')[0]).join('; ') },
        })
      },
    ],
  }),
]

function withSigned() {
  return ['express4', 'express5', 'koa', 'fastify', 'hono'] as const
}

const views = casesOf('view', {
  'a view': [/<p>Grüße, &lt;Ada&gt;<\/p>/, get('/view?name=%3CAda%3E')],
  HEAD: [/"status":\d/, head('/view?name=x')],
})

const errors = casesOf('errors', {
  thrown: [/"status":500/, get('/throw')],
  'passed on or rejected later': [
    /"status":418/,
    get('/reject'),
    'express4',
    'express5',
    'koa',
    'fastify',
    'hono',
    'connect',
  ],
  'a rejected promise': [/"status":409/, get('/reject/promise'), 'express5'],
  "the app's own handler": [
    /"status":502.*handled/,
    get('/handled'),
    'express4',
    'express5',
    'koa',
    'fastify',
    'hono',
    'connect',
  ],
  'after the answer has begun': [
    /begun/,
    target => target.raw('GET /late HTTP/1.1\r\nHost: a\r\n\r\n'),
    'express4',
    'express5',
    'fastify',
    'connect',
  ],
  'not found': [/"status":404/, get('/nowhere?x=%20')],
  'not found by POST': [/"status":404/, get('/nowhere', {}, 'POST')],
  'a path that cannot be decoded': [/"status":\d/, get('/static/%E0%A4%A')],
  'another method': [/"status":\d/, get('/etag', {}, 'DELETE')],
  OPTIONS: [/"status":\d/, get('/etag', {}, 'OPTIONS')],
})

const redirects = [
  ...casesOf('redirects', {
    'a redirect': [/"status":302.*Location: \/etag/i, get('/redirect')],
    'after a POST': [/"status":303/, get('/redirect', {}, 'POST')],
    'HEAD of a redirect': [/"status":\d/, head('/redirect')],
  }),
  ...casesOf('moved', { elsewhere: [/"status":301/, get('/redirect/moved')] }),
]

const FORWARDED = {
  'x-forwarded-for': '203.0.113.7, 10.0.0.1',
  'x-forwarded-proto': 'https',
  'x-forwarded-host': 'shop.example',
}

const views_of_request = [
  ...casesOf('requestFacts', {
    'as it comes': [/"status":200/, get('/facts?a=1', { host: 'www.shop.example:81' })],
    'through a proxy that is not trusted': [/"status":200/, get('/facts', FORWARDED)],
  }),
  ...casesOf('context', {
    'a store is there after awaits': [
      /in the store/,
      get('/context?key=in the store'.replaceAll(' ', '%20')),
    ],
  }),
]

const proxies = casesOf('proxy', {
  GET: [/"status":200.*X-Upstream/i, get('/proxy/some/path?q=1', { 'x-mine': 'passed on' })],
  'a body': [
    /\\"bytes\\":200000/,
    target =>
      target.ask('/proxy/body', {
        method: 'PUT',
        headers: { 'content-type': 'text/plain' },
        body: 'b'.repeat(200_000),
      }),
  ],
  'a chunked answer': [/one two/, get('/proxy/parts')],
  'status and cookies': [/"status":201.*Set-Cookie: up=1.*Set-Cookie: stream=2/i, get('/proxy/cookies')],
  'an upstream that fails': [/"status":50\d/, get('/proxy/cut')],
})

const fastifyOnly = casesOf('errors', {
  "Fastify's trailers": [/x-sum/, get('/trailers', { te: 'trailers' }), 'fastify'],
  'early hints': [
    /103 Early Hints/,
    target => target.raw('GET /hints HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'),
    'fastify',
  ],
})

export const answerCases: readonly Case[] = [
  ...compression,
  ...flush,
  ...files,
  ...conditional,
  ...sendFile,
  ...download,
  ...etag,
  ...modified,
  ...headers,
  ...views,
  ...errors,
  ...redirects,
  ...views_of_request,
  ...proxies,
  ...fastifyOnly,
]
