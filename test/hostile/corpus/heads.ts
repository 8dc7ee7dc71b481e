/** Heads of requests that are none: lines, headers, targets, methods and versions (RFC 9112, 2 to 5; RFC 9110, 5). */
import { CUT, type HostileCase, REFUSED, served, TOO_LARGE } from './case.js'

/** What follows is an error of the connection, which comes before the answer of the app does. */
const NEVER_ANSWERED = { ...REFUSED, seen: ['GET /head'] }

const head = (headers: string) => `GET /head HTTP/1.1\r\nHost: a\r\n${headers}\r\n`
const line = (text: string) => `${text}\r\nHost: a\r\n\r\n`

/** Refused in the same way, for the same reason. */
function refused(source: string, cases: Readonly<Record<string, string>>): HostileCase[] {
  return Object.entries(cases).map(([name, bytes]) => ({ name, bytes, outcomes: [REFUSED], source }))
}

/** Served, and what follows too. */
function passes(source: string, cases: Readonly<Record<string, readonly [string, string]>>): HostileCase[] {
  return Object.entries(cases).map(([name, [bytes, seen]]) => ({
    name,
    bytes,
    outcomes: [served(seen)],
    source,
  }))
}

export const HEADS: readonly HostileCase[] = [
  ...refused('RFC 9112, 5.1: no blank before the colon', {
    'a blank before the colon': head('X-A : 1\r\n'),
    'a tab before the colon': head('X-A\t: 1\r\n'),
    'a blank before the colon of Content-Length': head('Content-Length : 5\r\n'),
    'a blank before the colon of Transfer-Encoding': head('Transfer-Encoding : chunked\r\n'),
  }),
  ...refused('RFC 9112, 5.2: obs-fold', {
    'a folded header': head('X-A: 1\r\n 2\r\n'),
    'a folded Transfer-Encoding': head('Transfer-Encoding:\r\n chunked\r\n'),
    'a first header that is folded': 'GET /head HTTP/1.1\r\n Host: a\r\n\r\n',
  }),
  ...refused('RFC 9112, 2.2: bare CR; RFC 9110, 5.5', {
    'a bare CR in a value': head('X-A: 1\rX-B: 2\r\n'),
    'a bare CR in a name': head('X-\rA: 1\r\n'),
    'a bare CR between lines': head('X-A: 1\rHost: b\r\n'),
    'a bare LF in a value': head('X-A: 1\nX-B: 2\r\n'),
    'lines ended by LF alone': 'GET /head HTTP/1.1\nHost: a\n\n',
    'a head ended by LF alone': 'GET /head HTTP/1.1\r\nHost: a\r\n\n',
    'NUL in a value': head('X-A: 1\x002\r\n'),
    'NUL in a name': head('X-\x00A: 1\r\n'),
    'DEL in a value': head('X-A: \x7f\r\n'),
    'an escape sequence in a value': head('X-A: \x1b[2J\r\n'),
  }),
  ...refused('RFC 9110, 5.1: a name is a token', {
    'a header without a name': head(': 1\r\n'),
    'a header without a colon': head('X-A\r\n'),
    'a name in UTF-8': head('X-Ä: 1\r\n'),
    'a name with a bracket': head('X-A[]: 1\r\n'),
    'a name in quotes': head('"X-A": 1\r\n'),
  }),
  ...refused('RFC 9112, 3: request line', {
    'no version': line('GET /head'),
    'HTTP/0.9': 'GET /head\r\n\r\n',
    'HTTP/1.2': line('GET /head HTTP/1.2'),
    'HTTP/3.0': line('GET /head HTTP/3.0'),
    'HTTP/11': line('GET /head HTTP/11'),
    'http/1.1 in small letters': line('GET /head http/1.1'),
    'a word after the version': line('GET /head HTTP/1.1 more'),
    'a blank in the target': line('GET /he ad HTTP/1.1'),
    'a tab after the method': line('GET\t/head HTTP/1.1'),
    'a blank before the method': line(' GET /head HTTP/1.1'),
    'a target of nothing': line('GET  HTTP/1.1'),
    'a target without a slash': line('GET head HTTP/1.1'),
    'invalid UTF-8 in the target': line('GET /\xff\xfe HTTP/1.1'),
    'NUL in the target': line('GET /he\x00ad HTTP/1.1'),
    'CR in the target': line('GET /he\rad HTTP/1.1'),
    'an escape sequence in the target': line('GET /\x1b[2J HTTP/1.1'),
    'an HTTP/2 preface': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a TLS hello': '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'.padEnd(200, '\x00'),
    'an SSH banner': 'SSH-2.0-OpenSSH_9.2\r\n\r\n',
    'an answer in place of a request': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
    'a PROXY header where none is expected': `PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n${line('GET /head HTTP/1.1')}`,
  }),
  ...refused('RFC 9110, 9.1: methods that this server does not know', {
    'an unknown method': line('EXPLODE /head HTTP/1.1'),
    'a method in small letters': line('get /head HTTP/1.1'),
    'a method of 10,000 letters': line(`${'A'.repeat(10_000)} /head HTTP/1.1`),
    'a method with NUL': line('GE\x00T /head HTTP/1.1'),
  }),
  ...refused('RFC 9112, 3.2: exactly one Host', {
    'no Host': 'GET /head HTTP/1.1\r\n\r\n',
    'two Hosts': head('Host: b\r\n'),
    'two Hosts that are the same': head('Host: a\r\n'),
  }),
  ...passes('RFC 9112, 2.2: empty lines before a request are read over', {
    'empty lines before the request': [`\r\n\r\n${line('GET /head HTTP/1.1')}`, 'GET /head'],
  }),
  ...passes('RFC 9112, 3: blanks may be read leniently', {
    'two blanks after the method': [line('GET  /head HTTP/1.1'), 'GET /head'],
  }),
  ...passes('RFC 9110, 5.5: obs-text is opaque', {
    'invalid UTF-8 in a value': [head('X-A: \xff\xfe\xc0\x80\r\n'), 'GET /head'],
    'invalid UTF-8 in a cookie': [head('Cookie: troupe.sid=\xff\xfe; a=\xc0\x80\r\n'), 'GET /head'],
    'an empty value': [head('X-A:\r\n'), 'GET /head'],
    'a cookie of percent-escapes that are none': [head('Cookie: troupe.sid=s%3A%ff%zz%.%\r\n'), 'GET /head'],
    'hundreds of cookies': [head(`Cookie: ${'a=b; '.repeat(800)}troupe.sid=x\r\n`), 'GET /head'],
    'hundreds of session cookies': [head(`Cookie: ${'troupe.sid=s%3Aa.b; '.repeat(800)}\r\n`), 'GET /head'],
    'a cookie of 12 KiB': [head(`Cookie: troupe.sid=s%3A${'x'.repeat(12_000)}.sig\r\n`), 'GET /head'],
    'cookies in several headers': [
      head('Cookie: troupe.sid=s%3Aa.b\r\nCookie: troupe.sid=s%3Ac.d\r\n'),
      'GET /head',
    ],
    'a cookie without a name': [head('Cookie: =x; ;;; =; sid\r\n'), 'GET /head'],
  }),
  ...passes('RFC 9112, 3.2: targets are the app’s to judge', {
    'percent-escapes that are none': [line('GET /%ff%zz%00% HTTP/1.1'), 'GET /%ff%zz%00%'],
    'dots in the target': [line('GET /../../etc/passwd HTTP/1.1'), 'GET /../../etc/passwd'],
    'two slashes': [line('GET //evil.example/x HTTP/1.1'), 'GET //evil.example/x'],
    'a backslash': [line('GET /\\evil HTTP/1.1'), 'GET /\\evil'],
    'absolute-form': [line('GET http://other.example/head HTTP/1.1'), 'GET http://other.example/head'],
    'asterisk-form': [line('OPTIONS * HTTP/1.1'), 'OPTIONS *'],
    'a target of 15,000 characters': [
      line(`GET /${'x'.repeat(15_000)} HTTP/1.1`),
      `GET /${'x'.repeat(15_000)}`,
    ],
  }),
  {
    name: 'authority-form without CONNECT',
    bytes: line('GET a.example:80 HTTP/1.1'),
    outcomes: [REFUSED],
    source: 'RFC 9112, 3.2.3',
  },
  {
    name: 'CONNECT, which no app takes',
    bytes: line('CONNECT a.example:80 HTTP/1.1'),
    outcomes: [CUT],
    source: 'RFC 9110, 9.3.6',
  },
  {
    name: 'an expectation that nobody knows',
    bytes: head('Expect: 200-maybe\r\n'),
    outcomes: [{ answers: [417, 200], seen: ['GET /after'] }],
    source: 'RFC 9110, 10.1.1',
  },
  {
    name: 'more after a request of HTTP/1.0, which closes',
    bytes: 'GET /head HTTP/1.0\r\n\r\n',
    outcomes: [NEVER_ANSWERED],
    source: 'RFC 9112, 9.3',
  },
  {
    name: 'more after Connection: close',
    bytes: head('Connection: close\r\n'),
    outcomes: [NEVER_ANSWERED],
    source: 'RFC 9112, 9.6',
  },
  {
    name: 'a head of 16 KiB in one header',
    bytes: head(`X-A: ${'x'.repeat(17_000)}\r\n`),
    outcomes: [TOO_LARGE, CUT],
    source: 'RFC 6585, 5',
  },
  {
    name: 'a head of 64 KiB in many headers',
    bytes: head('X-A: 123\r\n'.repeat(6_500)),
    outcomes: [TOO_LARGE, CUT],
    source: 'RFC 6585, 5',
  },
  {
    name: 'a target of 64 KiB',
    bytes: line(`GET /${'x'.repeat(65_536)} HTTP/1.1`),
    outcomes: [TOO_LARGE, CUT],
    source: 'RFC 6585, 5; RFC 9112, 3',
  },
  {
    name: 'a header whose name has 64 KiB',
    bytes: head(`${'X'.repeat(65_536)}: 1\r\n`),
    outcomes: [TOO_LARGE, CUT],
    source: 'RFC 6585, 5',
  },
  {
    name: 'a cookie of 1 MiB',
    bytes: head(`Cookie: troupe.sid=${'x'.repeat(1_048_576)}\r\n`),
    outcomes: [TOO_LARGE, CUT],
    source: 'RFC 6585, 5',
  },
  {
    name: 'three thousand headers of one letter',
    bytes: head('a:\r\n'.repeat(3_000)),
    outcomes: [served('GET /head'), TOO_LARGE],
    source: 'RFC 6585, 5: within 16 KiB, but newer Node.js bounds their number',
  },
]
