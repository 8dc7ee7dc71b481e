/** WebSockets on ws: echo, sessions, closing, and a flood; over HTTP what the session holds. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { AppContext } from '../../../lib/index.js'

declare module '../../../lib/index.js' {
  interface SessionData {
    opened?: number
    messages?: number
    lines?: string[]
  }
}

/** Size of one message of a flood, bytes. */
const FLOOD_MESSAGE_BYTES = 64 * 1024

export function create(context: AppContext): Server {
  const server = createServer((req, res) => answer(req, res, context))
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: { threshold: 1024 } })
  server.on('upgrade', (req, socket, head) => upgrade(sockets, req, socket, head))
  sockets.on('connection', (socket, req) => converse(socket, req, context))
  return server
}

async function answer(req: IncomingMessage, res: ServerResponse, context: AppContext): Promise<void> {
  const { pathname } = urlOf(req)
  const { session } = req
  if (pathname === '/count') session.messages = (session.messages ?? 0) + 1
  if (pathname === '/reload') {
    session.messages = -1
    await session.reload()
  }
  if (pathname === '/logout') await session.destroy()
  if (pathname === '/throw') {
    setImmediate(() => {
      throw new Error('thrown on purpose')
    })
  }
  const { opened, messages, lines } = req.session ?? {}
  res.end(JSON.stringify({ by: context.name, opened, messages, lines }))
}

function upgrade(sockets: WebSocketServer, req: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { pathname } = urlOf(req)
  if (pathname === '/refused') {
    req.session.opened = -1
    socket.write('HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno')
    socket.destroy()
    return
  }
  if (pathname === '/session') {
    req.session.opened = (req.session.opened ?? 0) + 1
    req.session.lines ??= []
  }
  sockets.handleUpgrade(req, socket, head, (client, request) => sockets.emit('connection', client, request))
}

function converse(socket: WebSocket, req: IncomingMessage, context: AppContext): void {
  const { pathname, searchParams } = urlOf(req)
  if (pathname === '/close') socket.close(Number(searchParams.get('code')), 'as you wish')
  if (pathname === '/terminate') socket.terminate()
  if (pathname === '/flood') flood(socket, Number(searchParams.get('bytes')))
  if (pathname === '/draining') context.draining.addEventListener('abort', () => socket.send('draining'))
  if (pathname === '/session') {
    const { lines } = req.session
    socket.on('message', data => {
      if (req.session === undefined) return
      req.session.messages = (req.session.messages ?? 0) + 1
      req.session.lines?.push(String(data))
      socket.send(JSON.stringify({ by: context.name, ...req.session }))
    })
    socket.on('ping', data => {
      // An object from the time of the upgrade: what is done to it is seen by save().
      lines?.push(String(data))
      void req.session.save()
    })
    socket.on('close', code => {
      if (req.session !== undefined) req.session.opened = code
    })
    return
  }
  let paused = false
  socket.on('message', (data, binary) => {
    if (pathname === '/slow' && !paused) {
      paused = true
      socket.pause()
      setTimeout(() => socket.resume(), 300)
    }
    if (pathname === '/slow') socket.send(String((data as Buffer).length))
    else socket.send(data, { binary })
  })
}

/** As fast as the connection takes it. */
function flood(socket: WebSocket, bytes: number): void {
  const message = Buffer.alloc(FLOOD_MESSAGE_BYTES, 'x')
  let left = bytes
  const next = (): void => {
    if (left <= 0) {
      socket.close(1000)
      return
    }
    left -= message.length
    socket.send(message, { compress: false }, error => {
      if (!error) next()
    })
  }
  next()
}

function urlOf(req: IncomingMessage): URL {
  return new URL(req.url ?? '/', 'http://localhost')
}
