import t from 'tap'
import { parseProxyHeader } from '../../../../lib/director/front/listeners/proxy-protocol.js'

const v1 = (line: string) => Buffer.from(line, 'latin1')

/** A header of version 2. */
function v2(command: number, family: number, body: Buffer): Buffer {
  const head = Buffer.from('\r\n\r\n\0\r\nQUIT\n\0\0\0\0', 'latin1')
  head.writeUInt8(command, 12)
  head.writeUInt8(family, 13)
  head.writeUInt16BE(body.length, 14)
  return Buffer.concat([head, body])
}

const IPV4 = Buffer.from([192, 0, 2, 1, 198, 51, 100, 2, 0x10, 0x92, 0x01, 0xbb])
const IPV6 = Buffer.concat([
  Buffer.from('20010db8000000000000000000000001', 'hex'),
  Buffer.from('00000000000000000000000000000001', 'hex'),
  Buffer.from([0x10, 0x92, 0x01, 0xbb]),
])

const WHOLE: [name: string, header: Buffer, addresses: object | null][] = [
  [
    'a line for IPv4',
    v1('PROXY TCP4 192.0.2.1 198.51.100.2 4242 443\r\n'),
    { remoteAddress: '192.0.2.1', remotePort: 4242, localAddress: '198.51.100.2', localPort: 443 },
  ],
  [
    'a line for IPv6',
    v1('PROXY TCP6 2001:db8::1 ::1 4242 443\r\n'),
    { remoteAddress: '2001:db8::1', remotePort: 4242, localAddress: '::1', localPort: 443 },
  ],
  ['a line of an unknown connection', v1('PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n'), null],
  ['the shortest line', v1('PROXY UNKNOWN\r\n'), null],
  [
    'bytes for IPv4',
    v2(0x21, 0x11, IPV4),
    { remoteAddress: '192.0.2.1', remotePort: 4242, localAddress: '198.51.100.2', localPort: 443 },
  ],
  [
    'bytes for IPv6 with more behind the addresses',
    v2(0x21, 0x21, Buffer.concat([IPV6, Buffer.from([0x04, 0, 1, 0])])),
    { remoteAddress: '2001:db8::1', remotePort: 4242, localAddress: '::1', localPort: 443 },
  ],
  ['a health check of the proxy', v2(0x20, 0x00, Buffer.alloc(0)), null],
  ['bytes of a unix socket', v2(0x21, 0x31, Buffer.alloc(216)), null],
]

for (const [name, header, addresses] of WHOLE) {
  t.test(`${name}: read to its end and no further, and incomplete until then`, async t => {
    const bytes = Buffer.concat([header, Buffer.from('GET /')])
    t.same(parseProxyHeader(bytes), { type: 'header', bytes: header.length, addresses })
    for (let length = 0; length < header.length; length++) {
      t.equal(parseProxyHeader(header.subarray(0, length)).type, 'incomplete', `${length} bytes`)
    }
  })
}

t.test('anything else is malformed as soon as it can be told', async t => {
  const wrong = [
    v1('GET / HTTP/1.1\r\n'),
    v1('PROXX'),
    v1('PROXY TCP4 192.0.2.1 198.51.100.2 4242\r\n'),
    v1('PROXY TCP4 192.0.2.1 198.51.100.2 4242 443 \r\n'),
    v1('PROXY TCP4  192.0.2.1 198.51.100.2 4242 443\r\n'),
    v1('PROXY TCP4 2001:db8::1 ::1 4242 443\r\n'),
    v1('PROXY TCP6 192.0.2.1 198.51.100.2 4242 443\r\n'),
    v1('PROXY TCP4 192.0.2.256 198.51.100.2 4242 443\r\n'),
    v1('PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n'),
    v1('PROXY TCP4 192.0.2.1 198.51.100.2 042 443\r\n'),
    v1('PROXY UDP4 192.0.2.1 198.51.100.2 4242 443\r\n'),
    v1(`PROXY UNKNOWN ${'x'.repeat(100)}`),
    v1('\r\n\r\n\0\r\nQUIX'),
    v2(0x11, 0x11, IPV4),
    v2(0x22, 0x11, IPV4),
    v2(0x21, 0x11, IPV4.subarray(0, 11)),
    v2(0x21, 0x21, IPV4),
    v2(0x21, 0x11, Buffer.alloc(20_000)),
  ]
  for (const bytes of wrong)
    t.equal(parseProxyHeader(bytes).type, 'malformed', JSON.stringify(bytes.toString('latin1')))
})
