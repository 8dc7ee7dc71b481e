/**
 * The admin listener: health, status, metrics, events, the dashboard, commands and sessions over HTTP. Without a token it
 * asks for no password, so it answers only what programs on this machine ask, and its own page; with one, whoever brings
 * it. What other web pages make a browser send is refused either way (guard.ts).
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { AdminConfig } from '../config/schema.js'
import type { ObservedCluster } from '../director/observed-cluster.js'
import { Access, type Verdict } from './access.js'
import { type Answer, errorAnswer, secure, seeOther, send, waitHeaders } from './answers.js'
import { dashboardAnswer } from './dashboard.js'
import { EventStreams } from './event-streams.js'
import { refusal } from './guard.js'
import { MetricsPage } from './metrics.js'
import { DASHBOARD_API_PATH, DASHBOARD_PATH } from './paths.js'
import type { Asking, RouteSources } from './route.js'
import { findRoute } from './routes.js'
import { DEFAULT_TIMES, keepOut, type Times } from './slow-clients.js'

/** The longest things that may be asked here are a login and a session; what a client sends is read to this many bytes. */
const BODY_BYTES_MAX = 1024
const HEADER_BYTES_MAX = 8 * 1024

/** A running admin listener. */
export interface Admin {
  /** `http://127.0.0.1:9090`; when it listens everywhere, where this machine reaches it. */
  readonly url: string
  /** Stops listening and ends every connection. Idempotent. */
  close(): Promise<void>
}

/** What requests are answered with. */
interface Desk extends RouteSources {
  readonly access: Access
}

/**
 * Starts the admin listener.
 * @param config where to listen, and for whom; port 0 picks a free one.
 * @param times how long clients may take
 * @throws the system's error, such as EADDRINUSE.
 */
export async function startAdmin(
  config: AdminConfig,
  cluster: ObservedCluster,
  log: Logger,
  times: Times = DEFAULT_TIMES,
): Promise<Admin> {
  const desk: Desk = {
    cluster,
    access: new Access(config.token),
    events: new EventStreams(cluster),
    metrics: new MetricsPage(),
  }
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: times.headersMs,
      requestTimeout: times.requestMs,
      keepAliveTimeout: times.keepAliveMs,
      connectionsCheckingInterval: times.checkEveryMs,
    },
    (request, response) => {
      secure(response)
      serve(request, response, desk).catch((error: unknown) => {
        // The client left before its request was complete: nobody waits for an answer.
        if (request.destroyed && !request.complete) return
        log.error({ err: error, url: request.url }, 'the admin listener could not answer a request')
        send(response, errorAnswer(500, 'ADMIN_FAILED', 'The request failed; the log says why.'))
      })
    },
  )
  keepOut(server, times)
  try {
    server.listen(config.port, config.host)
    await once(server, 'listening')
  } catch (error) {
    desk.events.close()
    throw error
  }
  // One connection could not be accepted, such as for want of descriptors: no reason to end the cluster.
  server.on('error', error => log.error({ err: error }, 'the admin listener failed'))
  return {
    url: urlOf(server),
    close: () => {
      desk.events.close()
      return close(server)
    },
  }
}

async function serve(request: IncomingMessage, response: ServerResponse, desk: Desk): Promise<void> {
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  const method = request.method ?? 'GET'
  const isDashboard = path.startsWith(`${DASHBOARD_PATH}/`)
  const isChange = method !== 'GET' && method !== 'HEAD'
  const refused = refusal(request.headers, {
    isOpen: desk.access.isOpen,
    isDashboard: isDashboard || (!isChange && (path === '/' || path === DASHBOARD_PATH)),
    isChange,
  })
  if (refused !== null) {
    send(response, errorAnswer(403, 'ADMIN_REFUSED', refused))
    return
  }
  const body = await readBody(request)
  if (body === null) {
    const message = `A body here has at most ${BODY_BYTES_MAX} bytes.`
    send(response, errorAnswer(413, 'ADMIN_BODY_TOO_LARGE', message, { connection: 'close' }))
    return
  }
  const isApi = path.startsWith(`${DASHBOARD_API_PATH}/`)
  const answer =
    isDashboard && !isApi
      ? await answerDashboard(request, path.slice(DASHBOARD_PATH.length), body, desk)
      : await answerRoute(
          { request, response, body, isTrusted: !desk.access.isOpen },
          isApi ? path.slice(DASHBOARD_API_PATH.length) : path,
          isApi,
          desk,
        )
  if (answer !== null) send(response, answer)
}

async function answerDashboard(
  request: IncomingMessage,
  path: string,
  body: string,
  { access }: Desk,
): Promise<Answer> {
  const { method = 'GET', headers } = request
  const isLoggedIn = access.hasLogin(headers)
  const isHttps = headers.origin?.startsWith('https:') === true
  const asked = { path, method, body, isLoggedIn, isHttps, address: addressOf(request) }
  return (await dashboardAnswer(asked, access)) ?? nothingAt(path)
}

/** @returns null when the answer is written already */
async function answerRoute(
  asking: Asking,
  path: string,
  isOfDashboard: boolean,
  desk: Desk,
): Promise<Answer | null> {
  const { request } = asking
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if ((path === '/' || path === DASHBOARD_PATH) && method === 'GET') return seeOther(`${DASHBOARD_PATH}/`)
  const route = findRoute(path)
  const { access } = desk
  // A cookie counts below the dashboard's path only, where every change must prove that it comes from its page.
  const refused =
    route?.isPublic === true || (isOfDashboard && access.hasLogin(request.headers))
      ? null
      : tokenRefusal(isOfDashboard ? 'wrong' : access.ofProgram(request.headers, addressOf(request)))
  if (refused !== null) return refused
  if (route === null) return nothingAt(path)
  if (method !== route.method) {
    const allow = route.method === 'GET' ? 'GET, HEAD' : route.method
    const message = `${path} answers ${route.method} only.`
    return errorAnswer(405, 'ADMIN_METHOD_NOT_ALLOWED', message, { allow })
  }
  return await route.run(desk, asking)
}

/** @returns the answer to whoever has not brought the token; null when it is right */
function tokenRefusal(verdict: Verdict): Answer | null {
  if (verdict === 'right') return null
  if (verdict === 'wrong') {
    const message = 'This needs the admin token, as Authorization: Bearer.'
    return errorAnswer(401, 'ADMIN_TOKEN_NEEDED', message, { 'www-authenticate': 'Bearer realm="troupe"' })
  }
  const message =
    'Too many wrong tokens came from this address; no other is looked at before the time of Retry-After.'
  return errorAnswer(429, 'ADMIN_TOO_MANY_ATTEMPTS', message, waitHeaders(verdict.waitMs))
}

function addressOf({ socket }: IncomingMessage): string {
  return socket.remoteAddress ?? ''
}

function nothingAt(path: string): Answer {
  return errorAnswer(404, 'ADMIN_NOT_FOUND', `There is nothing at ${path}.`)
}

/** @returns the body as text, null when it is too long */
async function readBody(request: IncomingMessage): Promise<string | null> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) return null
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > BODY_BYTES_MAX) return null
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  const isEverywhere = address === '0.0.0.0' || address === '::'
  const reachable = isEverywhere ? (family === 'IPv6' ? '::1' : '127.0.0.1') : address
  return `http://${family === 'IPv6' ? `[${reachable}]` : reachable}:${port}`
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
