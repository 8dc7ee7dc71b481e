/** The PROXY protocol in front of HTTP, TLS and a unix socket: whose connection it is, and what is not accepted. */

import { connect as connectHttp2 } from 'node:http2'
import { join } from 'node:path'
import t from 'tap'
import { Authority } from '../../../support/certificates.js'
import { eventually } from '../../../support/http-client.js'
import {
  askHttp2,
  dial,
  dialTls,
  type Listener,
  listener,
  serveApp,
  shortFolder,
  tlsOf,
  untilClosed,
} from '../../../support/listeners.js'
import { needs } from '../../../support/needs.js'

needs('openssl')

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'
const LINE = 'PROXY TCP4 192.0.2.1 198.51.100.2 4242 443\r\n'
/** The same in version 2, with something more behind the addresses. */
const BYTES = Buffer.concat([
  Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
  Buffer.from([0x21, 0x11, 0, 16, 192, 0, 2, 1, 198, 51, 100, 2, 0x10, 0x92, 0x01, 0xbb, 0x04, 0, 1, 0]),
])
const CLIENT = {
  remoteAddress: '192.0.2.1',
  remotePort: 4242,
  remoteFamily: 'IPv4',
  localAddress: '198.51.100.2',
  localPort: 443,
}

let asked = 0
const addresses: Listener = (req, res) => {
  asked++
  const { remoteAddress, remotePort, remoteFamily, localAddress, localPort } = req.socket
  res.end(JSON.stringify({ remoteAddress, remotePort, remoteFamily, localAddress, localPort }))
}

const authority = await Authority.make(t)
const tls = tlsOf(await authority.issueFiles('IP:127.0.0.1'))
const path = join(await shortFolder(t), 'troupe.sock')
const { urls, front } = await serveApp(
  t,
  {
    headersTimeoutMs: 1_000,
    listeners: [
      listener({ proxyProtocol: true }),
      listener({ tls, proxyProtocol: true }),
      listener({ at: { kind: 'socket', path }, proxyProtocol: true }),
      listener({ at: { kind: 'socket', path: `${path}.tls` }, tls, proxyProtocol: true }),
    ],
  },
  addresses,
)
const [plain = '', secure = '', unix = '', unixTls = ''] = urls

const bodyOf = (answer: string) => JSON.parse(answer.split('\r\n\r\n')[1] ?? '')

t.test('the client that the header names is the one that the app sees', async t => {
  for (const url of [plain, unix]) {
    for (const header of [LINE, BYTES]) {
      const socket = dial(url)
      socket.write(header)
      socket.write(GET)
      t.same(bodyOf(await untilClosed(socket)), CLIENT)
    }
  }
})

t.test(
  'a header in small pieces, and with all of the request behind it, is read to its end and no further',
  async t => {
    for (const header of [Buffer.from(LINE), BYTES]) {
      const slow = dial(plain)
      slow.setNoDelay(true)
      for (const byte of header) {
        slow.write(Buffer.from([byte]))
        await new Promise(resolve => setImmediate(resolve))
      }
      slow.write(GET)
      const whole = dial(plain)
      whole.write(Buffer.concat([header, Buffer.from(GET)]))
      t.same([bodyOf(await untilClosed(slow)), bodyOf(await untilClosed(whole))], [CLIENT, CLIENT])
    }
  },
)

t.test('under TLS, with HTTP/1.1 and HTTP/2, over TCP and over a unix socket', async t => {
  for (const url of [secure, unixTls]) {
    const raw = dial(url)
    raw.write(BYTES)
    const http1 = await dialTls(url, { socket: raw })
    http1.write(GET)
    t.same(bodyOf(await untilClosed(http1)), CLIENT)
    const other = dial(url)
    other.write(LINE)
    const socket = await dialTls(url, { socket: other, ALPNProtocols: ['h2'] })
    const session = connectHttp2('https://127.0.0.1', { createConnection: () => socket })
    t.same(JSON.parse((await askHttp2(session, { ':path': '/' })).text), CLIENT)
    session.close()
  }
})

t.test('a proxy that speaks for itself keeps its own address', async t => {
  const local = Buffer.concat([Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'), Buffer.from([0x20, 0, 0, 0])])
  for (const header of [local, 'PROXY UNKNOWN\r\n']) {
    const socket = dial(plain)
    socket.write(header)
    socket.write(GET)
    t.match(bodyOf(await untilClosed(socket)), { remoteAddress: '127.0.0.1' })
  }
})

t.test(
  'connections without a header, with a wrong one, or half of one are closed and nobody is asked',
  async t => {
    const before = asked
    const wrong = [
      GET,
      `PROXY TCP4 192.0.2.1 198.51.100.2 4242\r\n${GET}`,
      `proxy TCP4 a b c d\r\n${GET}`,
      `${LINE.trim()}\n${GET}`,
    ]
    for (const bytes of wrong) {
      const socket = dial(plain)
      socket.write(bytes)
      t.equal(await untilClosed(socket), '', JSON.stringify(bytes.slice(0, 40)))
    }
    const half = dial(plain)
    half.end(BYTES.subarray(0, 20))
    t.equal(await untilClosed(half), '')
    const silent = dial(secure)
    silent.write(LINE.slice(0, 20))
    t.equal(await untilClosed(silent), '', 'one that is late')
    t.equal(asked, before)
    await eventually(() => front.inFlight === 0, 'nothing is left')
  },
)
