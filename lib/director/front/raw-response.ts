/**
 * A response whose bytes, head included, were already made by a web server. Node's connection state machine (order of
 * pipelined responses, keep-alive, closing) hangs on ServerResponse, so the bytes go through one, but past its own head
 * and framing. Of what it does for an answer that the connection takes at once nothing is needed but its end: without the
 * rest, and without two turns of process.nextTick, an answer costs a tenth less. That takes a few underscored members, the
 * same in Node 20, 22 and 24: all of them are used in this file only.
 */
import { EventEmitter } from 'node:events'
import { IncomingMessage, ServerResponse } from 'node:http'
import { Socket } from 'node:net'
import type { Bytes } from '../../transport/exchange-messages.js'
import type { Answer } from './answer.js'

/** As node answers what its parser refuses. */
export const FAULTY_ANSWER = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n'

/** What `_header` is once there is one: null lets `end()` make one. */
const HEAD_MADE = 'made by a web server'

const kOnFinish = Symbol('onFinish')
const kOnClosed = Symbol('onClosed')
const kWatched = Symbol('watched')

type Listener = (...args: unknown[]) => void

interface HttpSocket extends Socket {
  /** The response that has the connection. */
  _httpMessage?: RawResponse | null
  /** Its end is that of the response it has then. */
  [kWatched]?: boolean
}

/** A response of the front. Used plainly it is a normal one, but for what node's performance hooks see of it. */
export interface RawResponse extends ServerResponse, Answer {
  /** Answers 400, and closes the connection after it. */
  refuseAsFaulty(): void
  /** The first listener: as a rule what node does when a response has been taken, and the connection can go on. */
  [kOnFinish]: (() => void) | null
  [kOnClosed]: (() => void) | null
  socket: HttpSocket | null
  /** What waits until its connection takes it. */
  outputData: unknown[]
  /** The head as text once it is made. */
  _header: string | null
  /** True keeps node from putting `_header` in front of the next bytes. */
  _headerSent: boolean
  /** Whether the connection closes after this response. */
  _last: boolean
  _closed: boolean
  /** Other listeners, undefined until there is one. */
  _events?: object
  /** False for an answer to HEAD. */
  _hasBody: boolean
  /** Writes to the connection, or queues while an earlier pipelined response has it. */
  _writeRaw(data: Bytes, encoding: BufferEncoding | null, callback?: () => void): boolean
  /** Writes what waits. */
  _flush(): void
}

type Made = { -readonly [Name in keyof RawResponse]: RawResponse[Name] }

/** What of ServerResponse's own constructor is not the same for all: see below. */
function Response(this: Made, req: IncomingMessage): void {
  this.outputData = []
  this.req = req
  this.shouldKeepAlive = true
  this.socket = null
  this.finished = false
  this._headerSent = false
  this._last = false
  this._closed = false
  this[kOnFinish] = null
  this[kOnClosed] = null
  if (req.method === 'HEAD') this._hasBody = false
  if (req.httpVersionMinor < 1) this.useChunkedEncodingByDefault = false
}

/** Give it to `http.createServer({ ServerResponse: RawResponse })`. */
// A class to its users, a function so that it need not run the constructor of what it extends.
export const RawResponse = Response as unknown as typeof ServerResponse & {
  new <Request extends IncomingMessage>(req: Request): RawResponse & { req: Request }
}

Response.prototype = Object.create(
  ServerResponse.prototype,
  methods({
    get keepAlive(): boolean {
      return this.shouldKeepAlive
    },

    writeRaw(bytes: Bytes, onPassed?: () => void): void {
      this._headerSent = true
      this._writeRaw(bytes, typeof bytes === 'string' ? 'latin1' : null, onPassed)
    },

    endRaw(bytes: Bytes | null, close: boolean): void {
      if (bytes !== null) this.writeRaw(bytes)
      this._headerSent = true
      this._last = close
      const { socket } = this
      // All of it is out: what node would do two ticks later can be done now, and without its help.
      if (socket?.writable && socket.writableLength === 0 && this.outputData.length === 0) {
        this.finished = true
        this.emit('finish')
        return
      }
      endPlainly(this)
    },

    refuse(text: string, close: boolean): void {
      if (close) this.shouldKeepAlive = false
      this.writeHead(503, {
        'Content-Type': 'text/plain; charset=utf-8',
        'Content-Length': Buffer.byteLength(text),
        'Retry-After': '1',
      })
      this.end(text)
    },

    refuseAsFaulty(): void {
      this.writeRaw(FAULTY_ANSWER)
      this._last = true
      // Not at once: its request is still with the parser.
      endPlainly(this)
    },

    cut(): void {
      this.req.socket.destroy()
    },

    onClosed(listener: () => void): void {
      this[kOnClosed] = listener
    },

    // What node calls.

    /** The connection is this response's: now, or when those before it have ended. */
    assignSocket(socket: HttpSocket): void {
      socket._httpMessage = this
      if (socket[kWatched] !== true) {
        socket[kWatched] = true
        socket.on('close', onSocketClosed)
      }
      this.socket = socket
      if (this.finished || this.outputData.length > 0) this._flush()
    },

    detachSocket(socket: HttpSocket): void {
      socket._httpMessage = null
      this.socket = null
    },

    /** Node's own listener is as a rule the only one; a tracer's may be there before it. */
    on(event: string, listener: Listener): RawResponse {
      if (event === 'finish' && this[kOnFinish] === null) this[kOnFinish] = listener
      else EventEmitter.prototype.on.call(this, event, listener)
      return this
    },

    emit(event: string, ...args: unknown[]): boolean {
      if (event === 'close') this[kOnClosed]?.()
      else if (event === 'finish') this[kOnFinish]?.()
      if (this._events === undefined) return false
      return Reflect.apply(EventEmitter.prototype.emit, this, [event, ...args])
    },
  }),
)

// Whatever a version of Node.js sets in each response is the same for all until somebody changes it.
const request = new IncomingMessage(new Socket())
Object.assign(request, { httpVersionMajor: 1, httpVersionMinor: 1 })
const sample = new ServerResponse(request)
for (const key of Reflect.ownKeys(sample)) {
  if (Object.hasOwn(Response.prototype, key) || key === '_events') continue
  const value: unknown = Reflect.get(sample, key)
  const shared = Array.isArray(value) ? Object.freeze(value) : value
  Object.defineProperty(Response.prototype, key, { value: shared, writable: true, configurable: true })
}

/** As node ends a response: when all of it has been taken. */
function endPlainly(response: RawResponse): void {
  response._header = HEAD_MADE
  response.end()
}

function onSocketClosed(this: HttpSocket): void {
  const response = this._httpMessage
  if (!response || response._closed) return
  response.destroyed = true
  response._closed = true
  response.emit('close')
}

function methods(from: object & ThisType<RawResponse>): PropertyDescriptorMap {
  return Object.getOwnPropertyDescriptors(from)
}
