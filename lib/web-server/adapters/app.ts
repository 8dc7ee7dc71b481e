/** What the rest of the web server sees of the user's app, whatever it was written with. */
import { EventEmitter } from 'node:events'
import { createServer, Server } from 'node:http'
import { Server as TlsServer } from 'node:https'
import type { MessagePrototypes } from '../http/message-prototypes.js'
import { isExpress } from './express.js'
import type { NodeListener } from './node-listener.js'

/** A loaded app. */
export interface App {
  /** Answers one request: the app's own listener is called, or its server's 'request' emitted. */
  readonly handle: NodeListener
  /** The prototypes that the app's one listener gives to requests and responses; null when it leaves them as they are. */
  readonly prototypes: () => MessagePrototypes | null
  /**
   * Never listens: its `upgrade` and other listeners are the app's. The app's own http.Server or https.Server where it
   * has one, otherwise one that Troupe made.
   */
  readonly server: Server
}

/** An app that is a listener: Troupe makes its server. */
export function appOfListener(listener: NodeListener): App {
  return appOfServer(createServer(listener))
}

const known = new WeakMap<Server, App>()

/** An app that is a server of node:http or node:https, which need not listen. The same for the same server. */
export function appOfServer(server: Server): App {
  const app = known.get(server) ?? watched(server)
  known.set(server, app)
  return app
}

function watched(server: Server): App {
  // Looked up once for each change, so that the hot path of one listener is a plain call.
  let only: NodeListener | null | undefined
  const changed = (event: string | symbol): void => {
    if (event === 'request') only = undefined
  }
  server.on('newListener', changed).on('removeListener', changed)
  return {
    server,
    handle: (request, response) => {
      if (only === undefined) only = onlyListenerOf(server)
      return only === null ? server.emit('request', request, response) : only.call(server, request, response)
    },
    prototypes: () => {
      if (only === undefined) only = onlyListenerOf(server)
      return isExpress(only) ? only : null
    },
  }
}

/** @returns whether `value` can be the server of an app */
export function isServer(value: unknown): value is Server {
  return value instanceof Server || value instanceof TlsServer
}

/** The promise that a single listener returns is worth having: it tells of a failure, where emit would lose it. */
function onlyListenerOf(server: Server): NodeListener | null {
  const [first, ...others] = server.rawListeners('request') as NodeListener[]
  return first === undefined || others.length > 0 || EventEmitter.captureRejections ? null : first
}
