/**
 * One listening socket: accepts connections, takes off what is wrapped around HTTP (a PROXY header, TLS), and hands them
 * to the front's HTTP server, or to HTTP/2.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type Server as TlsServer } from 'node:tls'
import type { ListenerConfig } from '../../../config/schema.js'
import { type CertificateSet, certificateFor } from './certificates.js'
import type { HttpConnections } from './http-connections.js'
import { type Http2Limits, Http2Sessions } from './http2-sessions.js'
import { readProxyHeader, tellAddresses } from './proxied-socket.js'
import type { ProxiedAddresses } from './proxy-protocol.js'
import { removeStaleSocket } from './unix-socket.js'

/** What a listening socket needs of its front. */
export interface AcceptorOptions extends Http2Limits {
  readonly listener: ListenerConfig
  /** Is given every connection by its 'connection' event. */
  readonly http: HttpConnections
  /** Whether there is room for one more, over all listeners. */
  readonly admit: (socket: Socket) => boolean
  /** An error of the socket after it began to listen. */
  readonly onError: (error: Error) => void
}

export class Acceptor {
  readonly #options: AcceptorOptions
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  /** Connections that have not become HTTP yet: nobody has asked anything on them. */
  readonly #unready = new Set<Socket>()
  readonly #http2: Http2Sessions
  #tls: TlsServer | null = null
  #certificates: CertificateSet | null = null

  /** @param certificates those of a TLS listener, otherwise null */
  constructor(options: AcceptorOptions, certificates: CertificateSet | null) {
    const { listener, http } = options
    this.#options = options
    this.#http2 = new Http2Sessions(http, options)
    if (certificates !== null) {
      this.#certificates = certificates
      this.#tls = this.#createTlsServer(certificates)
    }
    // As node:http and node:https listen themselves.
    const allowHalfOpen = listener.tls === null
    this.#server = createServer({ allowHalfOpen, noDelay: true }, socket => this.#accept(socket))
  }

  /** Begins to listen. @returns its URL @throws what node:net says, such as EADDRINUSE */
  async listen(): Promise<string> {
    const { at, tls } = this.#options.listener
    if (at.kind === 'socket') await removeStaleSocket(at.path)
    await new Promise<void>((resolve, reject) => {
      this.#server.once('error', reject)
      this.#server.listen(at.kind === 'socket' ? { path: at.path } : { host: at.host, port: at.port }, () => {
        this.#server.off('error', reject)
        this.#server.on('error', this.#options.onError)
        resolve()
      })
    })
    if (at.kind === 'socket') return `unix:${at.path}`
    const { address, family, port } = this.#server.address() as AddressInfo
    return `${tls === null ? 'http' : 'https'}://${family === 'IPv6' ? `[${address}]` : address}:${port}`
  }

  /** New connections get these; those that are open keep what they have. */
  use(certificates: CertificateSet): void {
    this.#certificates = certificates
    this.#tls?.setSecureContext(certificates.options)
  }

  get certificates(): CertificateSet | null {
    return this.#certificates
  }

  /** Accepts no more. @returns when the last connection is gone; HTTP/1.1 ones are the front's to end */
  async close(): Promise<void> {
    const closed = new Promise<void>(resolve => this.#server.close(() => resolve()))
    for (const socket of this.#unready) socket.destroy()
    this.#http2.close()
    await closed
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    if (!this.#options.admit(socket)) {
      socket.destroy()
      return
    }
    const { listener, http, headersTimeoutMs } = this.#options
    this.#sockets.add(socket)
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#unready.delete(socket)
    })
    if (!listener.proxyProtocol && this.#tls === null) {
      http.emit('connection', socket)
      return
    }
    this.#unready.add(socket)
    // Until HTTP listens to it: a broken connection is closed, and that is what is looked at.
    socket.on('error', () => {})
    if (!listener.proxyProtocol) {
      this.#tls?.emit('connection', socket)
      return
    }
    readProxyHeader(socket, headersTimeoutMs, addresses => {
      if (this.#tls !== null) {
        if (addresses !== null) proxied.set(socket, addresses)
        this.#tls.emit('connection', socket)
        return
      }
      this.#unready.delete(socket)
      http.emit('connection', socket)
    })
  }

  #createTlsServer({ options }: CertificateSet): TlsServer {
    const { listener, http, headersTimeoutMs } = this.#options
    const server = createTlsServer({
      ...options,
      ALPNProtocols: listener.tls?.http2 === true ? ['h2', 'http/1.1'] : ['http/1.1'],
      SNICallback: (name, done) => {
        done(null, this.#certificates === null ? undefined : certificateFor(this.#certificates, name))
      },
      handshakeTimeout: headersTimeoutMs,
    })
    // A port scan, a client without a common version, one that does not know the authority: no news.
    server.on('tlsClientError', (_, socket) => socket.destroy())
    server.on('secureConnection', socket => {
      const raw = rawSocketOf(socket)
      if (raw !== null) {
        this.#unready.delete(raw)
        const addresses = proxied.get(raw)
        if (addresses !== undefined) tellAddresses(socket, addresses)
      }
      if (socket.alpnProtocol === 'h2') this.#http2.add(socket)
      else http.emit('connection', socket)
    })
    return server
  }
}

/** Of connections that become TLS after their PROXY header. */
const proxied = new WeakMap<Socket, ProxiedAddresses>()

/**
 * @returns the connection that a TLS connection runs over. node:tls has no public name for it; the member is the same
 * in Node 20, 22 and 24, and used here only.
 */
function rawSocketOf(socket: TLSSocket): Socket | null {
  const { _handle } = socket as unknown as { _handle?: { _parentWrap?: Socket } | null }
  return _handle?._parentWrap ?? null
}
