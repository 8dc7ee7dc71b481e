/**
 * The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): how a balancer that passes connections on as
 * they are says whose they are. Text or bytes in, what they say out.
 */
import { isIPv4, isIPv6 } from 'node:net'

/** Both ends of the connection that the proxy accepted. */
export interface ProxiedAddresses {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
}

/** What stands at the beginning of a connection. */
export type ProxyHeader =
  | { readonly type: 'incomplete' }
  | { readonly type: 'malformed' }
  /** `addresses` is null when the proxy speaks for itself, or of a connection that has none. */
  | { readonly type: 'header'; readonly bytes: number; readonly addresses: ProxiedAddresses | null }

const INCOMPLETE: ProxyHeader = { type: 'incomplete' }
const MALFORMED: ProxyHeader = { type: 'malformed' }

/** The longest line of version 1, its end included, bytes. */
const LINE_BYTES_MAX = 107
const PREFIX_V1 = Buffer.from('PROXY ', 'latin1')
const SIGNATURE_V2 = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')
/** Signature, version and command, family, length. */
const FIXED_BYTES_V2 = 16
/** Room for the addresses and whatever a proxy adds, a certificate say: as much as a request's head may have. */
const VARIABLE_BYTES_MAX = 16 * 1024

/** @param bytes the first bytes of a connection, as far as they have arrived */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, PREFIX_V1)) return bytes.length < PREFIX_V1.length ? INCOMPLETE : parseLine(bytes)
  if (startsLike(bytes, SIGNATURE_V2)) return bytes.length < FIXED_BYTES_V2 ? INCOMPLETE : parseBinary(bytes)
  return MALFORMED
}

function startsLike(bytes: Buffer, expected: Buffer): boolean {
  const known = Math.min(bytes.length, expected.length)
  return bytes.compare(expected, 0, known, 0, known) === 0
}

function parseLine(bytes: Buffer): ProxyHeader {
  const end = bytes.subarray(0, LINE_BYTES_MAX).indexOf('\r\n', 0, 'latin1')
  if (end === -1) return bytes.length < LINE_BYTES_MAX ? INCOMPLETE : MALFORMED
  const [family, from = '', to = '', fromPort, toPort, ...more] = bytes
    .toString('latin1', PREFIX_V1.length, end)
    .split(' ')
  if (family === 'UNKNOWN') return { type: 'header', bytes: end + 2, addresses: null }
  const isAddress = family === 'TCP4' ? isIPv4 : family === 'TCP6' ? isIPv6 : null
  const remotePort = portOf(fromPort)
  const localPort = portOf(toPort)
  if (isAddress === null || !isAddress(from) || !isAddress(to) || more.length > 0) return MALFORMED
  if (remotePort === null || localPort === null) return MALFORMED
  const addresses = { remoteAddress: from, remotePort, localAddress: to, localPort }
  return { type: 'header', bytes: end + 2, addresses }
}

/** As the protocol has it: no sign, no leading zeros. */
function portOf(text: string | undefined): number | null {
  if (text === undefined || !/^(0|[1-9]\d{0,4})$/.test(text)) return null
  const port = Number(text)
  return port <= 65_535 ? port : null
}

const LOCAL = 0x20
const PROXY = 0x21
const TCP_OVER_IPV4 = 0x11
const TCP_OVER_IPV6 = 0x21

function parseBinary(bytes: Buffer): ProxyHeader {
  const command = bytes.readUInt8(12)
  const family = bytes.readUInt8(13)
  const variable = bytes.readUInt16BE(14)
  if ((command !== LOCAL && command !== PROXY) || variable > VARIABLE_BYTES_MAX) return MALFORMED
  const end = FIXED_BYTES_V2 + variable
  if (bytes.length < end) return INCOMPLETE
  const addressBytes = family === TCP_OVER_IPV4 ? 4 : family === TCP_OVER_IPV6 ? 16 : null
  if (command === LOCAL || addressBytes === null) return { type: 'header', bytes: end, addresses: null }
  if (variable < 2 * addressBytes + 4) return MALFORMED
  const at = (offset: number) =>
    bytes.subarray(FIXED_BYTES_V2 + offset, FIXED_BYTES_V2 + offset + addressBytes)
  const ports = FIXED_BYTES_V2 + 2 * addressBytes
  const addresses = {
    remoteAddress: addressText(at(0)),
    remotePort: bytes.readUInt16BE(ports),
    localAddress: addressText(at(addressBytes)),
    localPort: bytes.readUInt16BE(ports + 2),
  }
  return { type: 'header', bytes: end, addresses }
}

/** Dotted for four bytes, otherwise eight groups with their longest run of zeros left out (RFC 5952). */
function addressText(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.')
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}
