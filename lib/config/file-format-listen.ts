/** The `listen` section of the configuration file: where browsers connect, and what bounds them. */
import proxyAddr from 'proxy-addr'
import { z } from 'zod'
import { DEFAULT_HOST, DEFAULT_PORT } from './listen-defaults.js'
import { duration, flag, port, section, text, wholeNumber } from './values.js'

/** Each is a socket that is open for as long as the server runs; a machine has a handful of addresses. */
const LISTENERS_MAX = 32
/** Server names that come with certificates of their own. */
const CERTIFICATES_MAX = 256
const NAMES_MAX = 256
/** More than a request ever passes. */
const PROXIES_MAX = 32

const certificate = {
  cert: text('the path of a PEM file').describe(
    'PEM file of the certificate and those that lead to its authority, relative to this file.',
  ),
  key: text('the path of a PEM file').describe('PEM file of the key of that certificate.'),
  passphrase: text('a text').optional().describe('What the key is encrypted with, if it is.'),
}

const SERVER_NAME = 'a server name such as "shop.example" or "*.shop.example"'
const NAMES = `a list of server names, such as ["shop.example", "*.shop.example"]`

const ofName = section(
  {
    names: z
      .array(text(SERVER_NAME, /^(\*\.)?([\w-]+\.)*[\w-]+$/), NAMES)
      .min(1, NAMES)
      .max(NAMES_MAX, `at most ${NAMES_MAX} names`)
      .describe('Server names, as clients ask for them; "*." stands for any one label.'),
    ...certificate,
  },
  'names, cert and key',
)

const tls = section(
  {
    ...certificate,
    sni: z
      .array(ofName, 'a list of { "names", "cert", "key" }')
      .max(CERTIFICATES_MAX, `at most ${CERTIFICATES_MAX} certificates`)
      .prefault([])
      .describe('Other certificates, by the name that a client asks for.'),
    /** Browsers speak nothing better; whoever does not know it goes on with HTTP/1.1. */
    http2: flag().default(true).describe('Offer HTTP/2 besides HTTP/1.1.'),
  },
  'cert, key, sni and http2',
).superRefine(({ sni }, context) => {
  const seen = new Set<string>()
  for (const [index, { names }] of sni.entries()) {
    for (const [at, name] of names.entries()) {
      const path = ['sni', index, 'names', at]
      if (seen.has(name.toLowerCase())) {
        context.addIssue({ code: 'custom', path, message: 'a name that no other certificate has' })
      }
      seen.add(name.toLowerCase())
    }
  }
})

/** What every listener has. Defaults are left to resolve.ts: with a socket there is neither host nor port. */
const listener = {
  host: text('a host name or IP address')
    .optional()
    .meta({ default: DEFAULT_HOST, description: 'Address to listen on.' }),
  socket: text('the path of a unix socket, relative to this file')
    .optional()
    .describe('Path of a unix socket to listen on, in place of host and port.'),
  tls: tls.optional().describe('Certificates; with them this listener speaks TLS and nothing else.'),
  /** Whoever can reach the listener could name any address in it. */
  proxyProtocol: flag()
    .default(false)
    .describe('Every connection begins with a PROXY header, version 1 or 2, that names its client.'),
}

type Demand = (key: string, message: string) => void

function placeFits(
  {
    host,
    port,
    socket,
  }: { host?: string | undefined; port?: number | undefined; socket?: string | undefined },
  demand: Demand,
): void {
  if (socket === undefined) return
  const expected = 'nothing, since socket is set; or leave socket out'
  if (port !== undefined) demand('port', expected)
  if (host !== undefined) demand('host', expected)
}

const ALSO = 'a list of listeners, such as [{ "host": "::1", "port": 8080 }, { "socket": "troupe.sock" }]'

const further = section(
  { ...listener, port: port(0).optional().describe('Port to listen on; 0 picks a free one.') },
  'port or socket, and what else a listener has',
).superRefine((value, context) => {
  const demand: Demand = (key, message) => context.addIssue({ code: 'custom', path: [key], message })
  placeFits(value, demand)
  if (value.port === undefined && value.socket === undefined) demand('port', 'a port, or socket to be set')
})

const TRUST =
  'true, false, a number of proxies, or a list of addresses, networks such as "10.0.0.0/8", "loopback", "linklocal" and "uniquelocal"'

/** `listen` */
export const listenSection = section(
  {
    ...listener,
    port: port(0)
      .optional()
      .meta({ default: DEFAULT_PORT, description: 'Port to listen on; 0 picks a free one.' }),
    also: z
      .array(further, ALSO)
      .max(LISTENERS_MAX - 1, `at most ${LISTENERS_MAX - 1} further listeners`)
      .prefault([])
      .describe('Further listeners: other addresses, ports and sockets of the same server.'),
    /** Whoever is believed says by which protocol the request came: nobody, unless one is known to be there. */
    trustProxy: z
      .union(
        [
          z.boolean(TRUST),
          wholeNumber(1, PROXIES_MAX),
          z.string(TRUST).refine(isTrust, TRUST),
          z.array(z.string(TRUST)).min(1, TRUST).refine(isTrust, TRUST),
        ],
        TRUST,
      )
      .default(false)
      .describe('Proxies that are believed what X-Forwarded-* and Forwarded say, as in Express.'),
    /** Off: it tells outsiders how many servers there are. */
    servedBy: flag().default(false).describe('Name the web server in a response header, x-served-by.'),
    /** A connection costs about 10 KiB and a file descriptor, so these are 100 MiB at most. */
    maxConnections: wholeNumber(1, 1_000_000)
      .default(10_000)
      .describe('Open connections over all listeners; the next one is closed at once.'),
    /** With 1,000 requests waiting in one web server the next is better off being told so. */
    maxInFlight: wholeNumber(1, 1_000_000)
      .default(1000)
      .describe('Requests in flight at one web server; the next one gets 503.'),
    /** Longer than the 60 s of common balancers, so that it is the balancer who closes, never in the face of a request. */
    keepAliveTimeout: duration(0).prefault('65s').describe('How long an idle connection is kept open.'),
    /** As in Node.js. Below requestTimeout, as node:http demands. */
    headersTimeout: duration(1)
      .prefault('60s')
      .describe('Longest time for the head of a request to arrive; also for a PROXY header, and for TLS.'),
    /**
     * Without a limit whoever sends a body a byte at a time holds a connection and a place in flight for ever; with
     * the 5 minutes of Node.js a 1 GiB upload over less than 30 Mbit/s is cut. An hour lets it through from 2.5 Mbit/s
     * on; what slow bodies can hold meanwhile is bounded by maxConnections, and their memory by credits.
     */
    requestTimeout: duration(0)
      .prefault('1h')
      .describe('Longest time for a whole request, body included, to arrive; 0 for no limit.'),
    /** Several times what a takeover takes; a browser waits longer than that. */
    parkTimeout: duration(0)
      .prefault('10s')
      .describe('Longest wait of a request whose session is between two web servers; then 503.'),
  },
  'host, port and limits',
).superRefine((value, context) => {
  placeFits(value, (key, message) => context.addIssue({ code: 'custom', path: [key], message }))
})

/** @returns the entries of a list, which may also be a text with commas */
export function trustedList(value: string | readonly string[]): string[] {
  return typeof value === 'string' ? value.split(',').map(entry => entry.trim()) : [...value]
}

function isTrust(value: string | readonly string[]): boolean {
  const entries = trustedList(value)
  // As an address "2" would be 0.0.0.2, which nobody means.
  if (entries.some(entry => /^\d*$/.test(entry))) return false
  try {
    proxyAddr.compile(entries)
    return true
  } catch {
    return false
  }
}
