/**
 * The admin listener: health, status and kill over HTTP on loopback. It asks for no password, so it answers only
 * requests that a program on this machine made, not those that a web page made a browser send (guard.ts).
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Logger } from 'pino'
import type { Cluster } from '../director/cluster.js'
import { sendError, sendJson } from './answers.js'
import { refusal } from './guard.js'
import { findRoute } from './routes.js'

/** Nothing that may be asked here has a body; what a client sends nevertheless is read to this many bytes. */
const BODY_BYTES_MAX = 1024
const HEADER_BYTES_MAX = 8 * 1024
/** Health checks, a dashboard or two, and a person. */
const CONNECTIONS_MAX = 64
const HEADERS_TIMEOUT_MS = 5000
const REQUEST_TIMEOUT_MS = 10_000
const KEEP_ALIVE_TIMEOUT_MS = 5000

/** A running admin listener. */
export interface Admin {
  /** `http://127.0.0.1:9090` */
  readonly url: string
  /** Stops listening and ends every connection. Idempotent. */
  close(): Promise<void>
}

/**
 * Starts the admin listener.
 * @param options where to listen; port 0 picks a free one.
 * @throws the system's error, such as EADDRINUSE.
 */
export async function startAdmin(
  options: { readonly host: string; readonly port: number },
  cluster: Cluster,
  log: Logger,
): Promise<Admin> {
  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: HEADERS_TIMEOUT_MS,
      requestTimeout: REQUEST_TIMEOUT_MS,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    },
    (request, response) => {
      serve(request, response, cluster).catch((error: unknown) => {
        // The client left before its request was complete: nobody waits for an answer.
        if (request.destroyed && !request.complete) return
        log.error({ err: error, url: request.url }, 'the admin listener could not answer a request')
        sendError(response, 500, 'ADMIN_FAILED', 'The request failed; the log says why.')
      })
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  server.listen(options.port, options.host)
  await once(server, 'listening')
  return { url: urlOf(server), close: () => close(server) }
}

async function serve(request: IncomingMessage, response: ServerResponse, cluster: Cluster): Promise<void> {
  const refused = refusal(request.headers)
  if (refused !== null) {
    sendError(response, 403, 'ADMIN_REFUSED', refused)
    return
  }
  if (!(await bodyIsSmall(request))) {
    response.setHeader('connection', 'close')
    sendError(response, 413, 'ADMIN_BODY_TOO_LARGE', `A body here has at most ${BODY_BYTES_MAX} bytes.`)
    return
  }
  const [path = '/'] = (request.url ?? '/').split('?', 1)
  const route = findRoute(path)
  if (route === null) {
    sendError(response, 404, 'ADMIN_NOT_FOUND', `There is nothing at ${path}.`)
    return
  }
  const method = request.method === 'HEAD' ? 'GET' : request.method
  if (method !== route.method) {
    response.setHeader('allow', route.method === 'GET' ? 'GET, HEAD' : route.method)
    sendError(response, 405, 'ADMIN_METHOD_NOT_ALLOWED', `${path} answers ${route.method} only.`)
    return
  }
  const { status, body } = await route.run(cluster)
  sendJson(response, status, body)
}

/** Reads the body to its end, or to where it is too long. */
async function bodyIsSmall(request: IncomingMessage): Promise<boolean> {
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) return false
  let size = 0
  for await (const chunk of request) {
    size += chunk.length
    if (size > BODY_BYTES_MAX) return false
  }
  return true
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}

async function close(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
