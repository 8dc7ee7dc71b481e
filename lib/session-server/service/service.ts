/**
 * The session servers of this host for the web servers of others: the protocol of docs/protocol.md over node:http or
 * node:https. Order of every request: connection limits, head, authentication, resource, body, answer.
 */
import { lookup } from 'node:dns/promises'
import { createServer, type RequestListener, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, BlockList, isIPv6 } from 'node:net'
import { ServiceKeyRequiredError, ServiceListenError, ServiceTlsError } from './errors.js'
import type { ServiceLimits } from './limits.js'
import type { ServiceOptions, ServiceTls } from './options.js'
import { type RefusalCounts, Refusals, type UntoldRefusal } from './refusals.js'
import { RequestDesk } from './request-desk.js'

/** Counters of a service, since it started but for `connections`, `requests` and `streams`, which are now. */
export interface ServiceStats {
  readonly connections: number
  readonly requests: number
  readonly streams: number
  /** Requests that were admitted. */
  readonly admitted: number
  /** Messages handed to session servers. */
  readonly messages: number
  /** Bytes of admitted bodies. */
  readonly bytesIn: number
  readonly refused: RefusalCounts
}

/** A running service. */
export interface Service {
  readonly host: string
  readonly port: number
  /** `http://…` or `https://…`, as a gateway takes it. */
  readonly url: string
  stats(): ServiceStats
  /** Cuts every connection; the session servers stay. */
  close(): Promise<void>
}

/**
 * @throws ServiceKeyRequiredError without a key on an address that others reach
 * @throws ServiceListenError when the address is taken or none of this host's
 * @throws ServiceTlsError when a certificate can't be used
 */
export async function startService(options: ServiceOptions): Promise<Service> {
  const { host, port, keys, tls, limits, log } = options
  if (keys.length === 0 && !(await isLoopback(host, port))) throw new ServiceKeyRequiredError(host)
  const refusals = new Refusals((refusal, count) =>
    log?.warn({ refusal, count }, 'a request of another host was refused'),
  )
  const desk = new RequestDesk(options, refusals)
  const server = makeServer(tls, limits, (request, response) => void desk.serve(request, response))
  // Of its own node would answer these, before anybody has asked for the key.
  server.on('checkExpectation', (request, response) => void desk.serve(request, response))
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    const refusal = refusalOf(error.code ?? '')
    if (refusal !== null) refusals.count(refusal, Date.now())
    socket.destroy()
  })
  // Node does not tell an untrusted certificate from a peer that left during the handshake: both are ECONNRESET.
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => {
    if (refusalOf(error.code ?? '') === null) refusals.count('badTls', Date.now())
  })
  server.on('drop', () => refusals.count('connections', Date.now()))
  await listen(server, host, port)
  return new RunningService(server, desk, refusals, tls === null ? 'http' : 'https')
}

class RunningService implements Service {
  readonly host: string
  readonly port: number
  readonly url: string
  readonly #server: Server
  readonly #desk: RequestDesk
  readonly #refusals: Refusals
  readonly #sockets = new Set<{ destroy(): void }>()

  constructor(server: Server, desk: RequestDesk, refusals: Refusals, scheme: 'http' | 'https') {
    this.#server = server
    this.#desk = desk
    this.#refusals = refusals
    // A TCP server that listens has an AddressInfo.
    const { address, port } = server.address() as AddressInfo
    this.host = address
    this.port = port
    this.url = `${scheme}://${isIPv6(address) ? `[${address}]` : address}:${port}`
    server.on('connection', socket => {
      this.#sockets.add(socket)
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  stats(): ServiceStats {
    const { requests, streams, admitted, messages, bytesIn } = this.#desk
    const refused = this.#refusals.counts
    return { connections: this.#sockets.size, requests, streams, admitted, messages, bytesIn, refused }
  }

  async close(): Promise<void> {
    this.#desk.close()
    if (!this.#server.listening) return
    const closed = new Promise(resolve => this.#server.once('close', resolve))
    this.#server.close()
    for (const socket of this.#sockets) socket.destroy()
    await closed
  }
}

/** @param code of an error before there was a request @returns null for a peer that just went away */
function refusalOf(code: string): UntoldRefusal | null {
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT' || code === 'ERR_TLS_HANDSHAKE_TIMEOUT') return 'slow'
  if (code.startsWith('HPE_')) return 'badHttp'
  return null
}

/** A head holds a signature and little else, bytes. */
const HEAD_BYTES_MAX = 8 * 1024
/** How often late heads are looked for, ms. */
const LATENESS_CHECK_MS = 500
/** A connection that is idle for so long is closed, ms: later than gateways close theirs, so that none is cut in use. */
const KEEP_ALIVE_MS = 60_000

function makeServer(tls: ServiceTls | null, limits: ServiceLimits, listener: RequestListener): Server {
  const options: ServerOptions = {
    maxHeaderSize: HEAD_BYTES_MAX,
    headersTimeout: limits.headTimeoutMs,
    // The body has its own time, see request-body.ts; this is for bodies that nobody reads.
    requestTimeout: limits.headTimeoutMs + limits.bodyTimeoutMs,
    connectionsCheckingInterval: Math.min(LATENESS_CHECK_MS, limits.headTimeoutMs),
    keepAliveTimeout: KEEP_ALIVE_MS,
    noDelay: true,
  }
  const server = tls === null ? createServer(options, listener) : tlsServer(tls, limits, options, listener)
  server.maxConnections = limits.connections
  return server
}

function tlsServer(
  { ca, cert, key }: ServiceTls,
  limits: ServiceLimits,
  options: ServerOptions,
  listener: RequestListener,
): Server {
  try {
    const client = ca === null ? {} : { ca, requestCert: true, rejectUnauthorized: true }
    const handshakeTimeout = limits.headTimeoutMs
    return createTlsServer({ ...options, cert, key, ...client, handshakeTimeout }, listener)
  } catch (cause) {
    throw new ServiceTlsError(cause)
  }
}

async function listen(server: Server, host: string, port: number): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port }, () => {
        server.off('error', reject)
        resolve()
      })
    })
  } catch (cause) {
    throw new ServiceListenError(host, port, cause)
  }
}

/** @throws ServiceListenError when the name has no address */
async function isLoopback(host: string, port: number): Promise<boolean> {
  const loopback = new BlockList()
  loopback.addSubnet('127.0.0.0', 8, 'ipv4')
  loopback.addAddress('::1', 'ipv6')
  try {
    const addresses = await lookup(host, { all: true })
    return addresses.every(({ address, family }) => loopback.check(address, family === 6 ? 'ipv6' : 'ipv4'))
  } catch (cause) {
    throw new ServiceListenError(host, port, cause)
  }
}
