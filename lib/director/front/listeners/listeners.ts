/** All listening sockets of a front: they open together or not at all, share one limit of connections, and close together. */
import type { Socket } from 'node:net'
import type { ListenerConfig, ListenerTls } from '../../../config/schema.js'
import { Acceptor } from './acceptor.js'
import { CertificateWatch } from './certificate-watch.js'
import { readCertificates } from './certificates.js'
import type { HttpConnections } from './http-connections.js'
import type { Http2Limits } from './http2-sessions.js'

/** What the listeners of a front are made of. */
export interface ListenersOptions extends Http2Limits {
  readonly listeners: readonly ListenerConfig[]
  /** Open connections over all listeners; the next one is closed at once. */
  readonly maxConnections: number
  /** The front's HTTP server, which itself never listens. */
  readonly http: HttpConnections
  /** An error of a listening socket after it began to listen. */
  readonly onError: (error: Error) => void
  /** Certificate files have changed: null when they are in use now, otherwise why they can't be. */
  readonly onCertificates: (error: unknown) => void
  /** Time between two looks at the certificate files, ms. */
  readonly lookIntervalMs: number
}

interface TlsListener {
  readonly tls: ListenerTls
  readonly acceptor: Acceptor
}

export class Listeners {
  readonly #options: ListenersOptions
  #acceptors: Acceptor[] = []
  #tlsListeners: TlsListener[] = []
  #watches: CertificateWatch[] = []
  #connections = 0

  constructor(options: ListenersOptions) {
    this.#options = options
  }

  /** Open connections, whatever is spoken on them. */
  get connections(): number {
    return this.#connections
  }

  /**
   * Begins to listen everywhere.
   * @returns the URLs, in the order of the configuration
   * @throws ListenTlsError, or what node:net says, such as EADDRINUSE; nothing listens then
   */
  async open(): Promise<readonly string[]> {
    const urls: string[] = []
    try {
      for (const listener of this.#options.listeners) urls.push(await this.#open(listener))
    } catch (error) {
      const closed = this.close()
      // Whoever has come meanwhile would be waited for, and nobody serves it.
      this.cut()
      await closed
      throw error
    }
    for (const { tls, acceptor } of this.#tlsListeners) this.#watch(tls, acceptor)
    // So that it looks for requests that are late; node:http does it when it listens itself.
    this.#options.http.emit('listening')
    return urls
  }

  /** Reads all certificates again; new connections get them. @throws ListenTlsError, and everything stays as it is */
  async reloadCertificates(): Promise<void> {
    const read = await Promise.all(this.#tlsListeners.map(({ tls }) => readCertificates(tls)))
    for (const [index, { acceptor }] of this.#tlsListeners.entries()) {
      const certificates = read[index]
      if (certificates !== undefined) acceptor.use(certificates)
    }
  }

  /** Accepts no more. @returns when the last connection is gone */
  async close(): Promise<void> {
    for (const watch of this.#watches) watch.close()
    await Promise.all(this.#acceptors.map(acceptor => acceptor.close()))
  }

  /** Ends every connection at once. */
  cut(): void {
    for (const acceptor of this.#acceptors) acceptor.cut()
  }

  async #open(listener: ListenerConfig): Promise<string> {
    const { tls } = listener
    const certificates = tls === null ? null : await readCertificates(tls)
    const acceptor = new Acceptor(
      { ...this.#options, listener, admit: socket => this.#admit(socket) },
      certificates,
    )
    const url = await acceptor.listen()
    this.#acceptors.push(acceptor)
    if (tls !== null) this.#tlsListeners.push({ tls, acceptor })
    return url
  }

  #admit(socket: Socket): boolean {
    if (this.#connections >= this.#options.maxConnections) return false
    this.#connections++
    socket.on('close', () => this.#connections--)
    return true
  }

  #watch(tls: ListenerTls, acceptor: Acceptor): void {
    const watch = new CertificateWatch(
      tls,
      () => acceptor.certificates?.fingerprint ?? '',
      this.#options.lookIntervalMs,
      {
        onChanged: async () => {
          acceptor.use(await readCertificates(tls))
          this.#options.onCertificates(null)
        },
        onUnusable: error => this.#options.onCertificates(error),
      },
    )
    this.#watches.push(watch)
  }
}
