/** A service over real sockets, gateways to it, and requests as any client could make them. */
import { randomBytes } from 'node:crypto'
import { type IncomingHttpHeaders, request } from 'node:http'
import type { Test } from 'tap'
import type { RemoteOptions } from '../../lib/session-server/gateways/remote-connection.js'
import { RemoteSessionServer } from '../../lib/session-server/gateways/remote-session-server.js'
import { LocalSessionServer } from '../../lib/session-server/local-session-server.js'
import { authorizationOf, digestOf, newNonce } from '../../lib/session-server/protocol/signature.js'
import { DEFAULT_LIMITS } from '../../lib/session-server/service/limits.js'
import type { ServiceOptions } from '../../lib/session-server/service/options.js'
import { type Service, startService } from '../../lib/session-server/service/service.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import type { ClusterKey } from '../../lib/transport/actor-control.js'

/** A key of the cluster. */
export const KEY: ClusterKey = { id: 'main', secret: 'a secret of at least 32 characters.' }

/** A memory session server that ends with the test. */
export function memoryServer(t: Test): LocalSessionServer {
  const server = new LocalSessionServer(new MemoryStore())
  t.teardown(() => server.close())
  return server
}

/** A service of one memory session server, `a`, that ends with the test. */
export async function service(t: Test, options: Partial<ServiceOptions> = {}): Promise<Service> {
  const started = await startService({
    host: '127.0.0.1',
    port: 0,
    servers: options.servers ?? new Map([['a', memoryServer(t)]]),
    keys: [KEY],
    tls: null,
    limits: DEFAULT_LIMITS,
    ...options,
  })
  t.teardown(() => started.close())
  const { host, port, url } = started
  return { host, port, url, stats: () => started.stats(), close: () => started.close() }
}

/** A gateway that ends with the test. */
export async function gateway(
  t: Test,
  url: string,
  options: Partial<RemoteOptions> = {},
): Promise<RemoteSessionServer> {
  const opened = await RemoteSessionServer.open(remoteOptions(url, options))
  t.teardown(() => opened.close())
  return opened
}

/** Options of a gateway; its time-out is far above what a busy machine needs for an answer. */
export function remoteOptions(url: string, options: Partial<RemoteOptions> = {}): RemoteOptions {
  return { name: 'a', url, keys: [KEY], tls: null, timeoutMs: 20_000, ...options }
}

/** What a client got: status 0 when the connection was cut without an answer. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A request by hand. */
export interface Call {
  readonly method?: string
  readonly path?: string
  readonly body?: string
  readonly headers?: Record<string, string>
}

/** Sends a request as it is. */
export function send(
  url: string,
  { method = 'GET', path = '/v1/health', body = '', headers = {} }: Call,
): Promise<Answer> {
  return new Promise(resolve => {
    const cut = (): void => resolve({ status: 0, headers: {}, body: '' })
    const outgoing = request(`${url}${path}`, { method, headers, agent: false }, response => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('error', cut)
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
      )
    })
    outgoing.on('error', cut)
    outgoing.end(body)
  })
}

/** What a signature may lie about. */
export interface Signing {
  readonly key?: ClusterKey
  readonly time?: number
  readonly nonce?: string
  /** The body that is signed, if it is not the one that is sent. */
  readonly signedBody?: string
}

/** @returns the call with an authorization header */
export function signed(
  call: Call,
  { key = KEY, time = Date.now(), nonce = newNonce(), signedBody }: Signing = {},
): Call {
  const { method = 'GET', path = '/v1/health', body = '' } = call
  const digest = digestOf(signedBody ?? body)
  const authorization = authorizationOf(key.id, key.secret, { method, target: path, time, nonce, digest })
  return { ...call, headers: { authorization, ...call.headers } }
}

/** Opens a message stream by hand. @returns its id */
export async function openStream(url: string, client = randomBytes(4).toString('hex')): Promise<string> {
  const body = JSON.stringify({ client, protocol: { major: 1, minor: 0 } })
  const answer = await send(url, signed({ method: 'POST', path: '/v1/servers/a/streams', body }))
  return (JSON.parse(answer.body.split('\n')[0] ?? '') as { stream: string }).stream
}

/** @returns the call that sends part `number` of a stream */
export function partOf(stream: string, number: number, ...messages: unknown[]): Call {
  const body = messages
    .map(message => `${typeof message === 'string' ? message : JSON.stringify(message)}\n`)
    .join('')
  return { method: 'POST', path: `/v1/servers/a/streams/${stream}/messages/${number}`, body }
}
