/** Whom the web server believes about the client: the rules of Express, and those of RFC 7239 by hop. */
import t from 'tap'
import type { TrustProxy } from '../../../lib/config/schema.js'
import type { RequestHead } from '../../../lib/transport/exchange-messages.js'
import { isEncrypted, ProxyTrust } from '../../../lib/web-server/http/proxy-trust.js'

function head(headers: Record<string, string>, peer?: string, encrypted = false): RequestHead {
  return {
    method: 'GET',
    url: '/',
    httpVersionMajor: 1,
    httpVersionMinor: 1,
    rawHeaders: Object.entries(headers).flat(),
    keepAlive: true,
    encrypted,
    remoteAddress: peer,
    remotePort: 1,
    localAddress: '192.0.2.9',
    localPort: 80,
  }
}

const PROXY = '10.0.0.1'
const HTTPS = { 'X-Forwarded-Proto': 'https' }

t.test('the protocol of a request, by whom is trusted and what they say', async t => {
  const cases: [name: string, trust: TrustProxy, head: RequestHead, expected: boolean][] = [
    ['nobody is believed by default', false, head(HTTPS, PROXY), false],
    ['nobody can take TLS away by default', false, head({ 'x-forwarded-proto': 'http' }, PROXY, true), true],
    ['everybody', true, head(HTTPS, '203.0.113.5'), true],
    ['the first proxy', 1, head(HTTPS, '203.0.113.5'), true],
    ['a proxy in a trusted network', ['10.0.0.0/8'], head(HTTPS, PROXY), true],
    ['a proxy in a trusted network, mapped to IPv6', ['10.0.0.0/8'], head(HTTPS, `::ffff:${PROXY}`), true],
    ['a peer outside of it', ['10.0.0.0/8'], head(HTTPS, '203.0.113.5'), false],
    ['a named range', ['uniquelocal'], head(HTTPS, PROXY), true],
    ['a peer at a unix socket is on this machine', ['loopback'], head(HTTPS), true],
    ['a peer at a unix socket is nowhere else', ['10.0.0.0/8'], head(HTTPS), false],
    ['the first of several values', true, head({ 'x-forwarded-proto': 'https, http' }, PROXY), true],
    [
      'the first of several values, http',
      true,
      head({ 'x-forwarded-proto': 'http,https' }, PROXY, true),
      false,
    ],
    ['a trusted proxy that says nothing', true, head({}, PROXY, true), true],
    ['Forwarded', true, head({ forwarded: 'for=192.0.2.1;proto=https;by=10.0.0.1' }, PROXY), true],
    [
      'Forwarded, quoted and in capitals',
      true,
      head({ Forwarded: 'Proto="HTTPS" ; for="[2001:db8::1]:80"' }, PROXY),
      true,
    ],
    [
      'Forwarded, with what a client wrote in quotes',
      true,
      head({ forwarded: 'for=192.0.2.1;proto=http;host="a;proto=https, proto=https;x=\\"y"' }, PROXY),
      false,
    ],
    [
      'Forwarded, with a quote that a client left open before the element of the proxy',
      1,
      head({ forwarded: 'proto=https;for="x, for=192.0.2.1;proto=http' }, PROXY),
      false,
    ],
    ['Forwarded of an untrusted peer', ['10.0.0.2'], head({ forwarded: 'proto=https' }, PROXY), false],
    [
      'X-Forwarded-Proto before Forwarded',
      true,
      head({ forwarded: 'proto=https', 'x-forwarded-proto': 'http' }, PROXY),
      false,
    ],
    [
      'the nearest proxy alone: what came before it is hearsay',
      1,
      head({ forwarded: 'for=192.0.2.1;proto=https, for=203.0.113.7;proto=http' }, PROXY),
      false,
    ],
    [
      'two hops',
      2,
      head({ forwarded: 'for=192.0.2.1;proto=https, for=203.0.113.7;proto=http' }, PROXY),
      true,
    ],
    [
      'a chain of trusted addresses',
      ['10.0.0.0/8'],
      head({ forwarded: 'for=192.0.2.1;proto=https, for="10.0.0.7:4711";proto=http' }, PROXY),
      true,
    ],
    [
      'a chain that a stranger breaks',
      ['10.0.0.0/8'],
      head({ forwarded: 'for=192.0.2.1;proto=https, for=203.0.113.7;proto=http' }, PROXY),
      false,
    ],
  ]
  for (const [name, trust, request, expected] of cases) {
    t.equal(isEncrypted(request, ProxyTrust.of(trust)), expected, name)
  }
})
