/** Request bodies: parsers, limits, malformed ones, uploads. */
import { FormData } from 'undici'
import type { Target } from '../client.js'
import { newKey } from '../client.js'
import { type Case, casesOf } from './case.js'

const post = (path: string, type: string, body: string | Buffer) => (target: Target) =>
  target.ask(path, { method: 'POST', headers: { 'content-type': type }, body })

const json = (path: string, body: string) => post(path, 'application/json', body)
const PARSED = /"status":200/
const REFUSED = /"status":(4\d\d|500)/
const PARSED_CHUNKED = /200 OK.*\\"a\\":1/

const parsers = casesOf('bodies', {
  JSON: [/\\"a\\":\[1,\{\\"b\\":\\"ü☃\\"\}\]/, json('/body/json', '{"a":[1,{"b":"ü☃"}]}')],
  'malformed JSON': [REFUSED, json('/body/json', '{"a":')],
  'an empty body': [/"status":\d/, json('/body/json', '')],
  'JSON in another type': [/"status":\d/, post('/body/json', 'text/csv', 'a,b')],
  'JSON in an unknown charset': [/"status":\d/, post('/body/json', 'application/json; charset=x-none', '{}')],
  'a form': [PARSED, post('/body/urlencoded', 'application/x-www-form-urlencoded', 'a=1&b=%C3%BC+x&a=2')],
  text: [PARSED, post('/body/text', 'text/plain; charset=utf-8', 'grüße ☃\r\n')],
  'within the limit': [PARSED, json('/body/limited', JSON.stringify({ x: 'x'.repeat(1000) }))],
  'over the limit': [/"status":413/, json('/body/limited', JSON.stringify({ x: 'x'.repeat(1100) }))],
  'far over the limit, sent all the same': [
    /413/,
    target => refusal(target, JSON.stringify({ x: 'x'.repeat(3_000_000) })),
    'express4',
    'express5',
    'connect',
  ],
  // These answer at once, and may close a connection in the face of a body: so none is sent.
  'far over the limit, refused by its head': [
    /413/,
    target => refusal(target, ''),
    'koa',
    'fastify',
    'hono',
    'node',
  ],
  'a chunked body': [
    PARSED_CHUNKED,
    target =>
      target.raw(
        'POST /body/json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n',
        '5\r\n{"a":\r\n3\r\n1} \r\n0\r\n\r\n',
      ),
  ],
  'after Expect: 100-continue': [
    /100 Continue.*200 OK/,
    async target => {
      const client = target.connect(
        'POST /body/json HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 7\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n',
      )
      await client.until('100 Continue')
      return target.masked(await client.send('{"a":1}').untilClosed())
    },
  ],
})

const raw = casesOf('raw', {
  'raw bytes': [PARSED, post('/body/raw', 'application/octet-stream', Buffer.from([0, 255, 13, 10]))],
  '1 MiB of raw bytes': [
    PARSED,
    post('/body/raw', 'application/octet-stream', Buffer.alloc(1_000_000, 'abcdefg')),
  ],
})

/** @returns the head of the answer to a body of 3 MB, of which this much is sent */
async function refusal(target: Target, sent: string): Promise<string> {
  const length = sent.length || 3_000_000
  const head = `POST /body/limited HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\n\r\n`
  const client = target.connect(head, sent)
  const answer = await client.until('\r\n\r\n')
  client.close()
  return target.masked(answer.slice(0, answer.indexOf('\r\n\r\n')))
}

function form(...files: readonly (readonly [name: string, type: string, bytes: Buffer])[]): FormData {
  const data = new FormData()
  data.set('title', 'Grüße')
  for (const [name, type, bytes] of files)
    data.append('files', new Blob([new Uint8Array(bytes)], { type }), name)
  return data
}

const uploads = casesOf('uploads', {
  'several files and a field': [
    /"status":200.*a\.txt.*b\.bin/,
    target =>
      target.upload(
        '/upload',
        form(
          ['a.txt', 'text/plain', Buffer.from('one')],
          ['b.bin', 'application/octet-stream', Buffer.alloc(70_000, 7)],
          ['empty', 'text/plain', Buffer.alloc(0)],
        ),
      ),
  ],
  'a file of 3 MiB': [
    /"status":200.*3145728/,
    target =>
      target.upload('/upload', form(['big.bin', 'application/octet-stream', Buffer.alloc(3 << 20, 'big')])),
  ],
})

const aborted = casesOf('aborted', {
  'a file over the limit': [
    /"status":(413|500)/,
    target => target.upload('/upload/limited', form(['big', 'text/plain', Buffer.alloc(5000)])),
  ],
  'a form that ends too early': [
    /HTTP\/1\.1 (400|500)/,
    target => {
      const part = '--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\nnever ends'
      const head = `POST /upload HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: ${part.length}\r\nConnection: close\r\n\r\n`
      return target.raw(head + part)
    },
  ],
  'a client that leaves in the middle': [
    /arrived.+/,
    async target => {
      const key = newKey()
      const part = '--x\r\nContent-Disposition: form-data; name="a"; filename="a"\r\n\r\n'
      const client = target.connect(
        `POST /upload/noted?key=${key} HTTP/1.1\r\nHost: a\r\nContent-Type: multipart/form-data; boundary=x\r\nContent-Length: 100000\r\n\r\n`,
        part + 'a'.repeat(50_000),
      )
      await target.journal(key, 'arrived')
      client.close()
      let notes = await target.notes(key)
      while (notes.length < 2) notes = await target.notes(key)
      return notes
    },
  ],
})

export const bodyCases: readonly Case[] = [...parsers, ...raw, ...uploads, ...aborted]
