/** A front with web servers behind it, in worker threads or in this thread, and bare node:http to compare with. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { MessageChannel, Worker } from 'node:worker_threads'
import type { Config, ListenerConfig } from '../../lib/config/schema.js'
import { Front } from '../../lib/director/front/front.js'
import type { Router, WebServerLink } from '../../lib/director/front/router.js'
import { BatchedPort } from '../../lib/transport/batched-port.js'
import type { ExchangeReply, FromWebServer, ToWebServer } from '../../lib/transport/exchange-messages.js'
import { FRONT_FORMS, WEB_SERVER_FORMS } from '../../lib/transport/exchange-wire.js'
import { ExchangeServer, type ExchangeServerOptions } from '../../lib/web-server/http/exchange-server.js'
import { noSessions } from './http-sessions.js'

/** A plain listener on loopback; port 0 picks a free one. */
export function listenerAt(port: number): ListenerConfig {
  return { place: 'listen', at: { kind: 'tcp', host: '127.0.0.1', port }, tls: null, proxyProtocol: false }
}

/** Listener settings as the defaults of a config would be, on a free port. */
export const LISTEN: Config['listen'] = {
  listeners: [listenerAt(0)],
  trustProxy: false,
  servedBy: false,
  maxConnections: 1000,
  maxInFlight: 1000,
  keepAliveTimeoutMs: 5000,
  headersTimeoutMs: 60_000,
  requestTimeoutMs: 300_000,
  parkTimeoutMs: 5000,
}

/** A link whose owner the test decides on. */
export class TestRouter implements Router {
  owner: WebServerLink | null = null

  ownerOf(): WebServerLink | null {
    return this.owner
  }

  leastBusy(): WebServerLink | null {
    return this.owner
  }
}

/** A front on a port. */
export async function startFront(
  listen: Partial<Config['listen']> = {},
  onCertificates: (error: unknown) => void = () => {},
): Promise<{ front: Front; router: TestRouter; urls: readonly string[]; port: number }> {
  const router = new TestRouter()
  const front = new Front({
    listen: { ...LISTEN, ...listen },
    cookieName: 'sid',
    router,
    onCertificates,
    certificateLookMs: 100,
    onError: error => {
      throw error
    },
  })
  const urls = await front.listen()
  return { front, router, urls, port: Number(new URL(urls[0] ?? '').port) }
}

/** The front's end of a port to a web server. */
export function linkTo(
  front: Front,
  port: BatchedPort<FromWebServer, ToWebServer>,
  name = 'web-1',
): WebServerLink {
  port.onmessage = message => {
    if (message.type === 'accepts') front.accepts(message.event)
    else front.onReply(message as ExchangeReply)
  }
  return { name, inFlight: 0, post: (message, transfer) => port.post(message, transfer) }
}

/** A web server in this thread. */
export function localWebServer(
  front: Front,
  options: Partial<ExchangeServerOptions>,
  name = 'web-1',
): { link: WebServerLink; server: ExchangeServer; close: () => void } {
  const { port1, port2 } = new MessageChannel()
  const near = new BatchedPort<FromWebServer, ToWebServer>(port1, FRONT_FORMS)
  const far = new BatchedPort<ToWebServer, FromWebServer>(port2, WEB_SERVER_FORMS)
  const server = new ExchangeServer({
    port: far,
    sessions: noSessions,
    handle: (_, res) => res.end('ok'),
    server: new Server(),
    onDraining: () => {},
    keepAliveTimeoutMs: LISTEN.keepAliveTimeoutMs,
    servedBy: null,
    trust: null,
    onError: () => {},
    onUncaught: error => {
      throw error
    },
    ...options,
  })
  return { link: linkTo(front, near, name), server, close: () => near.close() }
}

/** A web server in a thread of its own that serves `http-apps`. */
export async function workerWebServer(
  front: Front,
  name = 'web-1',
): Promise<{ link: WebServerLink; inFlight: () => Promise<number>; close: () => Promise<unknown> }> {
  const { port1, port2 } = new MessageChannel()
  const worker = new Worker(new URL('./http-worker.js', import.meta.url), {
    workerData: { port: port2 },
    transferList: [port2],
  })
  await once(worker, 'message')
  const link = linkTo(front, new BatchedPort<FromWebServer, ToWebServer>(port1, FRONT_FORMS), name)
  return {
    link,
    inFlight: async () => {
      worker.postMessage('count')
      const [count] = (await once(worker, 'message')) as [number]
      return count
    },
    close: () => worker.terminate(),
  }
}

/** node:http itself with the same listener. */
export async function bareServer(
  handle: (req: IncomingMessage, res: ServerResponse) => unknown,
): Promise<{ port: number; close: () => void }> {
  const server = createServer({ keepAliveTimeout: LISTEN.keepAliveTimeoutMs }, handle as never)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    close: () => {
      server.close()
      server.closeAllConnections()
    },
  }
}
