/** A front with listeners of every kind, and an app behind it in this thread. */
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ClientHttp2Session, connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import type { Test } from 'tap'
import type { Config, ListenerConfig, ListenerTls } from '../../lib/config/schema.js'
import { localWebServer, startFront } from './http-harness.js'

/** An app as node:http calls it. */
export type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

/** Where a listener is; loopback and any free port if it does not say. */
export function listener(changes: Partial<ListenerConfig> = {}): ListenerConfig {
  return {
    place: 'listen',
    at: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    tls: null,
    proxyProtocol: false,
    ...changes,
  }
}

/** `listen.tls` of these files. */
export function tlsOf(
  files: { readonly cert: string; readonly key: string },
  changes: Partial<ListenerTls> = {},
): ListenerTls {
  const certificate = { ...files, names: [], passphrase: null, place: 'listen.tls' }
  return { certificate, sni: [], http2: true, ...changes }
}

/** A front that serves an app until the test ends. */
export async function serveApp(
  t: Pick<Test, 'teardown'>,
  listen: Partial<Config['listen']>,
  handle: Listener,
  onCertificates: (error: unknown) => void = () => {},
) {
  const { front, router, urls } = await startFront(listen, onCertificates)
  const web = localWebServer(front, { handle })
  router.owner = web.link
  t.teardown(async () => {
    await front.stop(0)
    web.close()
  })
  return { front, urls, web, url: new URL(urls[0] ?? '') }
}

/** A folder whose path leaves room for the name of a unix socket. */
export async function shortFolder(t: Pick<Test, 'teardown'>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-'))
  t.teardown(() => rm(folder, { recursive: true }))
  return folder
}

/** A connection to where a URL points, `unix:` ones included. */
export function dial(url: string | URL): Socket {
  const { protocol, hostname, port, pathname } = new URL(url)
  if (protocol === 'unix:') return connect(pathname)
  return connect(Number(port), hostname.replace(/^\[|\]$/g, ''))
}

/** A TLS connection, once its handshake is done. */
export async function dialTls(
  url: string | URL,
  options: { ca?: string; servername?: string; ALPNProtocols?: string[]; socket?: Socket },
): Promise<TLSSocket> {
  const { hostname, port } = new URL(url)
  const target = options.socket === undefined ? { host: hostname, port: Number(port) } : {}
  const socket = connectTls({ ...target, rejectUnauthorized: options.ca !== undefined, ...options })
  await once(socket, 'secureConnect')
  return socket
}

/** An HTTP/2 session that ends with the test. */
export function http2Session(t: Pick<Test, 'teardown'>, url: URL, ca: string): ClientHttp2Session {
  const session = connectHttp2(url, { ca })
  session.on('error', () => {})
  t.teardown(() => session.destroy())
  return session
}

/** What came back on a stream. */
export interface Http2Answer {
  readonly status: number | undefined
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly trailers: IncomingHttpHeaders
  readonly hints: readonly IncomingHttpHeaders[]
}

/** Asks on a session. @throws when the stream is reset */
export async function askHttp2(
  session: ClientHttp2Session,
  headers: Record<string, string | string[]>,
  body: string | Buffer | null = null,
): Promise<Http2Answer> {
  const stream = session.request(headers, { endStream: body === null })
  const hints: IncomingHttpHeaders[] = []
  let trailers: IncomingHttpHeaders = {}
  stream.on('headers', hint => hints.push(hint))
  stream.on('trailers', received => {
    trailers = received
  })
  if (body !== null) stream.end(body)
  const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status'?: number }]
  return { status: answered[':status'], headers: answered, text: await text(stream), trailers, hints }
}

/** Everything that comes until the other side closes. */
export async function untilClosed(socket: Socket): Promise<string> {
  let received = ''
  socket.on('data', chunk => {
    received += chunk.toString('latin1')
  })
  socket.on('error', () => {})
  if (!socket.closed) await once(socket, 'close').catch(() => {})
  return received
}
