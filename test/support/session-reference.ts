/** The real express-session in front of a listener, under bare node:http: what sessions are compared with. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import session, { type SessionOptions, type Store } from 'express-session'
import type { Test } from 'tap'

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown
type Middleware = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void

/** @returns the listener with express-session in front of it */
export function withExpressSession(listener: Listener, options: SessionOptions): Listener {
  // Its types ask for Express; it works with what node gives.
  const middleware = session(options) as unknown as Middleware
  return (req, res) => {
    middleware(req, res, error => {
      if (error === undefined || error === null) listener(req, res)
      else res.writeHead(500).end(String(error))
    })
  }
}

/** Serves the listener with express-session until the test ends. */
export async function startReference(
  t: Pick<Test, 'teardown'>,
  listener: Listener,
  options: SessionOptions,
): Promise<{ readonly url: string; readonly store: Store }> {
  const store = options.store ?? new session.MemoryStore()
  const server = createServer(withExpressSession(listener, { ...options, store }))
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, store }
}
