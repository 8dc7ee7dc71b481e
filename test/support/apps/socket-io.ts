/** Socket.IO: echoes, and counts in the session; over HTTP what the session holds. */
import { createServer, type Server } from 'node:http'
import { Server as SocketServer } from 'socket.io'
import type { AppContext } from '../../../lib/index.js'

declare module '../../../lib/index.js' {
  interface SessionData {
    said?: number
  }
}

export function create(context: AppContext): Server {
  const server = createServer((req, res) => {
    res.end(JSON.stringify({ by: context.name, said: req.session.said }))
  })
  const sockets = new SocketServer(server, { pingInterval: 60_000 })
  // So that there is a session, and a cookie of it, before the next request of the polling transport.
  sockets.engine.on('initial_headers', (_, req) => {
    req.session.said ??= 0
  })
  sockets.on('connection', socket => {
    const { session } = socket.request as unknown as { session: { said?: number } }
    socket.on('echo', (message: unknown, answer: (message: unknown, more: object) => void) => {
      session.said = (session.said ?? 0) + 1
      answer(message, { by: context.name, said: session.said, transport: socket.conn.transport.name })
    })
  })
  return server
}
