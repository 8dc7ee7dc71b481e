/**
 * HTTP/2 connections. Their requests reach the front as HTTP/1.1 over connections inside this process, so that web
 * servers and apps see one protocol; what HTTP/2 adds, streams and their limits, stays here.
 */
import { Agent } from 'node:http'
import { performServerHandshake, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import type { HttpConnections } from './http-connections.js'
import { serveStream } from './http2-exchange.js'
import { MemorySocket } from './memory-socket.js'

/** Requests at once on one connection: what browsers are used to, and RFC 9113 asks for at least 100. */
const STREAMS_MAX = 128
/** As node:http bounds a head, bytes. */
const HEADER_BYTES_MAX = 16 * 1024
/** Bodies on their way, bytes: for one stream, and for all of a connection. */
const STREAM_WINDOW_BYTES = 256 * 1024
const SESSION_WINDOW_BYTES = 1024 * 1024
/** Connections inside this process that a session keeps for its next requests. */
const IDLE_CONNECTIONS_MAX = 8
/** Frames that the protocol does not allow at that moment, and streams beyond the limit, before a session is ended. */
const INVALID_FRAMES_MAX = 100
/** How long a client may take to close its end of a session that has ended, ms. */
const LINGER_MS = 2_000

/** What sessions need of their listener. */
export interface Http2Limits {
  /** How long a connection may be open until its first request, ms. */
  readonly headersTimeoutMs: number
  /** How long it is kept open after its last, ms; 0 for ever. */
  readonly keepAliveTimeoutMs: number
}

/** All HTTP/2 connections of one listener. */
export class Http2Sessions {
  readonly #http: HttpConnections
  readonly #limits: Http2Limits
  readonly #sessions = new Set<ServerHttp2Session>()

  /** @param http the front's, which is given the connections of the streams */
  constructor(http: HttpConnections, limits: Http2Limits) {
    this.#http = http
    this.#limits = limits
  }

  /** Serves a connection whose client has chosen HTTP/2. */
  add(socket: TLSSocket): void {
    const session = performServerHandshake(socket, {
      settings: {
        maxConcurrentStreams: STREAMS_MAX,
        maxHeaderListSize: HEADER_BYTES_MAX,
        initialWindowSize: STREAM_WINDOW_BYTES,
      },
      maxSessionInvalidFrames: INVALID_FRAMES_MAX,
      maxSessionRejectedStreams: INVALID_FRAMES_MAX,
    })
    const agent = new FrontAgent(this.#http, socket)
    const endWhenIdle = idleEnd(session, this.#limits)
    this.#sessions.add(session)
    session.on('connect', () => {
      if (!session.destroyed) session.setLocalWindowSize(SESSION_WINDOW_BYTES)
    })
    // A client that breaks the protocol, or its connection: node:http2 ends the session, and that is what is looked at.
    session.on('error', () => {})
    session.on('close', () => {
      this.#sessions.delete(session)
      agent.destroy()
      endWhenIdle.stop()
    })
    // Everything is sent, and the end of it: node:http2 then waits for the client's for as long as that takes.
    socket.on('finish', () => {
      const timer = setTimeout(() => socket.destroy(), LINGER_MS).unref()
      socket.on('close', () => clearTimeout(timer))
    })
    session.on('stream', (stream: ServerHttp2Stream, _: object, flags: number, rawHeaders: string[]) => {
      endWhenIdle.began()
      stream.on('close', endWhenIdle.ended)
      serveStream(stream, rawHeaders, flags, agent)
    })
  }

  /**
   * Tells every client which of its requests are the last ones: those are answered, and then their session ends. One
   * that was sent before the client could know was not looked at, and its client may send it elsewhere (RFC 9113, 6.8).
   * node:http2 has no way of giving notice before that.
   */
  close(): void {
    for (const session of this.#sessions) session.close()
  }
}

/** Ends a session that has no request for too long. */
function idleEnd(session: ServerHttp2Session, { headersTimeoutMs, keepAliveTimeoutMs }: Http2Limits) {
  let streams = 0
  let timer: NodeJS.Timeout | undefined = setTimeout(() => session.close(), headersTimeoutMs)
  return {
    began: () => {
      streams++
      clearTimeout(timer)
    },
    ended: () => {
      streams--
      if (streams > 0 || keepAliveTimeoutMs === 0 || session.destroyed) return
      timer = setTimeout(() => session.close(), keepAliveTimeoutMs)
    },
    stop: () => clearTimeout(timer),
  }
}

/** Makes connections to the front that look like the client's. */
class FrontAgent extends Agent {
  readonly #http: HttpConnections
  readonly #socket: TLSSocket

  constructor(http: HttpConnections, socket: TLSSocket) {
    super({ keepAlive: true, maxFreeSockets: IDLE_CONNECTIONS_MAX })
    this.#http = http
    this.#socket = socket
  }

  override createConnection(): MemorySocket {
    const { remoteAddress, remotePort, localAddress, localPort } = this.#socket
    const [client, server] = MemorySocket.pair({
      encrypted: true,
      remoteAddress,
      remotePort,
      localAddress,
      localPort,
      carrier: this.#socket,
    })
    this.#http.emit('connection', server)
    return client
  }
}
