/** Where a body ends, told in every wrong way: what request smuggling is made of (RFC 9112, 6 and 7). */
import { CUT, type HostileCase, REFUSED, refusedAfter, served } from './case.js'

/** A request that must never be one: it stands where a body is. */
const SMUGGLED = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

/** Requests that say this go to the same web server. */
const SAME_OWNER = 'Cookie: troupe.sid=s%3Aa.b\r\n'

const post = (headers: string, body: string) => `POST /framed HTTP/1.1\r\nHost: a\r\n${headers}\r\n${body}`
const chunked = (body: string, more = '') => post(`Transfer-Encoding: chunked\r\n${more}`, body)

export const FRAMING: readonly HostileCase[] = [
  // Two lengths.
  {
    name: 'Content-Length and Transfer-Encoding (CL.TE)',
    bytes: post('Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${SMUGGLED}`),
    outcomes: [REFUSED],
    source: 'RFC 9112, 6.1 and 6.3 (3)',
  },
  {
    name: 'Transfer-Encoding and Content-Length (TE.CL)',
    bytes: post('Transfer-Encoding: chunked\r\nContent-Length: 4\r\n', `5c\r\n${SMUGGLED}\r\n0\r\n\r\n`),
    outcomes: [REFUSED],
    source: 'RFC 9112, 6.1 and 6.3 (3)',
  },
  {
    name: 'two Content-Lengths that differ',
    bytes: post('Content-Length: 5\r\nContent-Length: 0\r\n', 'hello'),
    outcomes: [REFUSED],
    source: 'RFC 9112, 6.3 (5)',
  },
  {
    name: 'two Content-Lengths that are the same',
    bytes: post('Content-Length: 5\r\nContent-Length: 5\r\n', 'hello'),
    outcomes: [REFUSED],
    source: 'RFC 9110, 8.6: may be refused',
  },
  {
    name: 'a list of equal Content-Lengths',
    bytes: post('Content-Length: 5, 5\r\n', 'hello'),
    outcomes: [REFUSED],
    source: 'RFC 9112, 6.3 (5): may be refused',
  },
  // One length that is none.
  ...(
    [
      ['a negative Content-Length', '-5'],
      ['a signed Content-Length', '+5'],
      ['a hexadecimal Content-Length', '0x5'],
      ['a Content-Length with a fraction', '5.0'],
      ['a Content-Length with a blank within', '5 0'],
      ['an empty Content-Length', ''],
      ['a Content-Length in words', 'five'],
      ['a Content-Length beyond 64 bits', '18446744073709551621'],
      ['a Content-Length of a hundred digits', '1'.repeat(100)],
      ['a Content-Length with a NUL', '5\0'],
    ] as const
  ).map(([name, value]) => ({
    name,
    bytes: post(`Content-Length: ${value}\r\n`, 'hello'),
    outcomes: [REFUSED],
    source: 'RFC 9110, 8.6; RFC 9112, 6.3 (5)',
  })),
  {
    name: 'a Content-Length with zeros before it',
    bytes: post('Content-Length: 005\r\n', 'hello'),
    outcomes: [served('POST /framed 5')],
    source: 'RFC 9110, 8.6: 1*DIGIT',
  },
  {
    name: 'a Content-Length shorter than what comes: the rest is a request of its own',
    bytes: post('Content-Length: 5\r\n', `hello${SMUGGLED}`),
    outcomes: [served('POST /framed 5', 'GET /smuggled')],
    source: 'RFC 9112, 6.3 (6): as declared, nothing else',
  },
  {
    name: 'a GET with a body',
    bytes: `GET /framed HTTP/1.1\r\nHost: a\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`,
    outcomes: [served(`GET /framed ${SMUGGLED.length}`)],
    source: 'RFC 9112, 6: framing does not depend on the method',
  },
  // Transfer codings.
  ...(
    [
      ['Transfer-Encoding: chunked, identity', 'chunked, identity'],
      ['Transfer-Encoding: identity', 'identity'],
      ['Transfer-Encoding: chunked, chunked', 'chunked, chunked'],
      ['Transfer-Encoding: xchunked', 'xchunked'],
      ['Transfer-Encoding: chunkedx', 'chunkedx'],
      ['Transfer-Encoding: "chunked"', '"chunked"'],
      ['Transfer-Encoding: chunked with a vertical tab', 'chunked\x0b'],
      ['Transfer-Encoding: chunked after a vertical tab', '\x0bchunked'],
      ['Transfer-Encoding: chunked with a semicolon', 'chunked;q=1'],
      ['Transfer-Encoding: chunked, gzip', 'chunked, gzip'],
      ['an empty Transfer-Encoding', ''],
    ] as const
  ).map(([name, value]) => ({
    name,
    bytes: post(`Transfer-Encoding: ${value}\r\n`, `0\r\n\r\n${SMUGGLED}`),
    outcomes: [REFUSED],
    source: 'RFC 9112, 6.1 and 6.3 (4)',
  })),
  {
    name: 'two Transfer-Encodings, the last of them chunked',
    bytes: post('Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n'),
    outcomes: [REFUSED],
    source: 'RFC 9112, 6.1: an unknown coding',
  },
  {
    name: 'two Transfer-Encodings, the last of them not chunked',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n', `0\r\n\r\n${SMUGGLED}`),
    outcomes: [REFUSED],
    source: 'RFC 9112, 6.3 (4)',
  },
  {
    name: 'two Transfer-Encodings, both chunked',
    bytes: post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${SMUGGLED}`),
    outcomes: [REFUSED],
    source: 'RFC 9112, 6.1: chunked at most once',
  },
  {
    name: 'Transfer-Encoding in other letters',
    bytes: post('tRANSFER-eNCODING: cHUNKED\r\n', '5\r\nhello\r\n0\r\n\r\n'),
    outcomes: [served('POST /framed 5')],
    source: 'RFC 9112, 7: case-insensitive',
  },
  {
    name: 'Transfer-Encoding in HTTP/1.0',
    bytes:
      'POST /framed HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n' +
      '5\r\nhello\r\n0\r\n\r\n',
    outcomes: [REFUSED],
    source: 'RFC 9112, 6.1: faulty framing',
  },
  // Chunks.
  ...(
    [
      ['a chunk size that overflows 64 bits', '10000000000000000\r\n'],
      ['a chunk size of a hundred digits', `${'f'.repeat(100)}\r\n`],
      ['a negative chunk size', '-5\r\nhello\r\n0\r\n\r\n'],
      ['a chunk size with 0x', '0x5\r\nhello\r\n0\r\n\r\n'],
      ['a chunk size after a blank', ' 5\r\nhello\r\n0\r\n\r\n'],
      ['a chunk without a size', '\r\nhello\r\n0\r\n\r\n'],
      ['a chunk size that is a word', 'zz\r\nhello\r\n0\r\n\r\n'],
      ['a chunk longer than its size', '4\r\nhello\r\n0\r\n\r\n'],
      ['a chunk ended by LF alone', '5\nhello\r\n0\r\n\r\n'],
      ['chunk data ended by LF alone', '5\r\nhello\n0\r\n\r\n'],
      ['a chunk ended by CR alone', '5\rhello\r\n0\r\n\r\n'],
      ['chunk data without its end', '5\r\nhello0\r\n\r\n'],
      ['a chunk extension with LF within', '5;a=\n\r\nhello\r\n0\r\n\r\n'],
      ['a chunk extension with NUL', '5;a=\0\r\nhello\r\n0\r\n\r\n'],
      ['trailers that are no headers', '0\r\nno colon here\r\n\r\n'],
    ] as const
  ).map(([name, body]) => ({
    name,
    bytes: chunked(body),
    outcomes: [{ answers: [400], seen: ['POST /framed cut'] }, REFUSED],
    source: 'RFC 9112, 7.1',
  })),
  {
    name: 'chunk extensions are read over',
    bytes: chunked('5;name=value;other="quoted"\r\nhello\r\n0;last\r\n\r\n'),
    outcomes: [served('POST /framed 5')],
    source: 'RFC 9112, 7.1.1',
  },
  {
    name: 'a chunk extension of 64 KiB',
    bytes: chunked(`5;${'x'.repeat(65_536)}\r\nhello\r\n0\r\n\r\n`),
    outcomes: [
      { answers: [413], seen: ['POST /framed cut'] },
      { answers: [413], seen: [] },
      // The answer is lost when bytes that nobody has read are on their way (RFC 9112, 9.6).
      { answers: [], seen: ['POST /framed cut'] },
      CUT,
    ],
    source: 'RFC 9112, 7.1.1: a limit on extensions',
  },
  {
    name: 'trailers of 64 KiB',
    bytes: chunked(`5\r\nhello\r\n0\r\nX: ${'x'.repeat(65_536)}\r\n\r\n`),
    outcomes: [
      { answers: [431], seen: ['POST /framed cut'] },
      { answers: [431], seen: [] },
      // The answer is lost when bytes that nobody has read are on their way (RFC 9112, 9.6).
      { answers: [], seen: ['POST /framed cut'] },
      CUT,
    ],
    source: 'RFC 9112, 7.1.2; RFC 6585, 5',
  },
  {
    name: 'a trailer that says Content-Length changes nothing',
    bytes: chunked('5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n'),
    outcomes: [served('POST /framed 5')],
    source: 'RFC 9110, 6.5.1',
  },
  {
    name: 'ten thousand chunks of one byte',
    bytes: chunked(`${'1\r\nx\r\n'.repeat(10_000)}0\r\n\r\n`),
    outcomes: [served('POST /framed 10000')],
    source: 'RFC 9112, 7.1',
  },
  // What a body leaves behind.
  {
    name: 'a pipeline whose second request is broken',
    bytes: `${SMUGGLED}BROKEN\r\n\r\n`,
    outcomes: [{ ...REFUSED, seen: ['GET /smuggled'] }, refusedAfter('GET /smuggled')],
    source: 'RFC 9112, 9.3.2',
  },
  {
    name: 'a pipeline whose last request is broken before the app has time for the second',
    bytes: `GET /compute HTTP/1.1\r\nHost: a\r\n${SAME_OWNER}\r\n${chunked('5;x\r\nhello\r\n0\r\n\r\n', SAME_OWNER)}BROKEN\r\n\r\n`,
    outcomes: [{ ...REFUSED, seen: ['GET /compute', 'POST /framed 5'] }],
    source: 'RFC 9112, 9.3.2',
  },
]
