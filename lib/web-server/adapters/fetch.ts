/** Apps with `fetch(request)`: Hono, and whatever else speaks web standard requests. */
import { IncomingMessage, type ServerResponse } from 'node:http'
import type { Session } from '../sessions/session.js'
import { UnknownRequestError } from './errors.js'
import type { NodeListener } from './node-listener.js'

/** An app that answers web standard requests. `env` is what Hono's Node adapter gives. */
export interface FetchApp {
  fetch(request: Request, env: { incoming: IncomingMessage; outgoing: ServerResponse }): unknown
}

const incomingOf = new WeakMap<Request, IncomingMessage>()

/** @returns a Node listener for the app. Only this loads what it needs: other apps start sooner without. */
export async function fetchListener(app: FetchApp): Promise<NodeListener> {
  const { getRequestListener } = await import('@hono/node-server')
  return getRequestListener((request, env) => {
    // The listener is only ever given HTTP/1.1 requests: the front speaks nothing else to web servers.
    const node = env as { incoming: IncomingMessage; outgoing: ServerResponse }
    incomingOf.set(request, node.incoming)
    return app.fetch(request, node)
  })
}

/**
 * The session of a fetch app's request; undefined after `destroy()`.
 * @param request the very object that `fetch(request)` received (in Hono `c.req.raw`), not a copy of it
 * @throws UnknownRequestError when Troupe does not know the request
 */
export function getSession(request: Request): Session | undefined {
  const incoming = incomingOf.get(request) ?? incomingOfServe(request)
  if (incoming === undefined) throw new UnknownRequestError()
  return incoming.session
}

/** What @hono/node-server, whose `serve` an app may call itself, calls its way from a request to node's. */
const HONO_INCOMING = 'incomingKey'

function incomingOfServe(request: Request): IncomingMessage | undefined {
  const key = Object.getOwnPropertySymbols(request).find(({ description }) => description === HONO_INCOMING)
  const incoming: unknown = key === undefined ? undefined : Reflect.get(request, key)
  return incoming instanceof IncomingMessage ? incoming : undefined
}
