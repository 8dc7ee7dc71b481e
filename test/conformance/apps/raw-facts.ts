/** What an app can find out about its request, its response and their connection. */
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { note } from './journal.js'
import type { RawRoute } from './raw-routes.js'

/** Facts by name; a test compares each by itself. */
type Facts = Record<string, unknown>

function socketFacts({ socket }: IncomingMessage, res: ServerResponse): Facts {
  return {
    'is one of request and response': res.socket === socket && res.connection === socket,
    'instanceof net.Socket': socket instanceof Socket,
    'instanceof stream.Duplex': socket instanceof Duplex,
    remoteAddress: socket.remoteAddress,
    remoteFamily: socket.remoteFamily,
    'remotePort is a number': typeof socket.remotePort === 'number',
    localAddress: socket.localAddress,
    localPort: socket.localPort,
    localFamily: socket.localFamily,
    address: socket.address(),
    encrypted: 'encrypted' in socket ? socket.encrypted : undefined,
    authorized: 'authorized' in socket ? socket.authorized : undefined,
    readyState: socket.readyState,
    connecting: socket.connecting,
    pending: socket.pending,
    destroyed: socket.destroyed,
    writable: socket.writable,
    readable: socket.readable,
    allowHalfOpen: socket.allowHalfOpen,
    timeout: socket.timeout,
    'has read': socket.bytesRead > 0,
    bytesWritten: socket.bytesWritten,
    writableLength: socket.writableLength,
    writableHighWaterMark: socket.writableHighWaterMark,
    server: typeof (socket as { server?: unknown }).server,
    _httpMessage: (socket as { _httpMessage?: unknown })._httpMessage === res,
    'setNoDelay returns': socket.setNoDelay(true) === socket,
    'setKeepAlive returns': socket.setKeepAlive(true, 1000) === socket,
    'ref returns': socket.ref() === socket,
    'unref returns': socket.unref() === socket && socket.ref() === socket,
    'listens to error': socket.listenerCount('error') > 0,
  }
}

function requestFacts(req: IncomingMessage): Facts {
  return {
    'instanceof IncomingMessage': req instanceof IncomingMessage,
    method: req.method,
    url: req.url,
    httpVersion: req.httpVersion,
    'version parts': [req.httpVersionMajor, req.httpVersionMinor],
    complete: req.complete,
    aborted: req.aborted,
    destroyed: req.destroyed,
    readable: req.readable,
    readableFlowing: req.readableFlowing,
    readableHighWaterMark: req.readableHighWaterMark,
    statusCode: req.statusCode,
    statusMessage: req.statusMessage,
    upgrade: (req as { upgrade?: unknown }).upgrade,
    trailers: { ...req.trailers },
    rawTrailers: req.rawTrailers,
    headersDistinct: { ...req.headersDistinct },
    trailersDistinct: { ...req.trailersDistinct },
    'connection is socket': req.connection === req.socket,
    'own keys': Object.keys(req).filter(key => KEYS_OF_NODE.has(key)),
  }
}

/** Frameworks add keys of their own. */
const KEYS_OF_NODE = new Set([
  'socket',
  'httpVersion',
  'rawHeaders',
  'rawTrailers',
  'method',
  'url',
  'upgrade',
])

function responseFacts(res: ServerResponse, req: IncomingMessage): Facts {
  return {
    'instanceof ServerResponse': res instanceof ServerResponse,
    'req is the request': res.req === req,
    statusCode: res.statusCode,
    statusMessage: res.statusMessage,
    headersSent: res.headersSent,
    sendDate: res.sendDate,
    finished: res.finished,
    writable: res.writable,
    writableEnded: res.writableEnded,
    writableFinished: res.writableFinished,
    writableCorked: res.writableCorked,
    writableLength: res.writableLength,
    writableHighWaterMark: res.writableHighWaterMark,
    writableNeedDrain: res.writableNeedDrain,
    destroyed: res.destroyed,
    strictContentLength: res.strictContentLength,
    shouldKeepAlive: res.shouldKeepAlive,
  }
}

function all(req: IncomingMessage, res: ServerResponse): Facts {
  return { request: requestFacts(req), response: responseFacts(res, req), socket: socketFacts(req, res) }
}

export const factRoutes: Readonly<Record<string, RawRoute>> = {
  '/facts': (req, res) => res.end(JSON.stringify(all(req, res))),
  '/facts/later': (req, res) => {
    req.resume()
    req.on('end', () =>
      setImmediate(() => {
        const facts = all(req, res)
        res.end(JSON.stringify(facts))
      }),
    )
  },
  '/facts/begun': (req, res, key) => {
    res.write('begun')
    note(key, JSON.stringify(responseFacts(res, req)))
    res.end()
  },
}
