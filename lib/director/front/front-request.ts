/**
 * A request as node's parser fills it, which becomes a Readable only when somebody reads it. Most requests have no body:
 * for those, making the stream, ending it and closing it took 2 of the 15 us that a request cost bare node:http (Node 20).
 * Node 24 has `optimizeEmptyRequests` for the same; this goes for all versions, and reads what comes all the same.
 */
import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { Readable } from 'node:stream'
import { beforeMade, kMade, type LazyStream, listening, own } from '../../transport/lazy-stream.js'

const kEnded = Symbol('ended')

/** Members of IncomingMessage that node's parser and server use, in Node 20, 22 and 24. */
interface Lazy extends IncomingMessage, LazyStream {
  /** All of it came before anybody wanted to read. */
  [kEnded]: boolean
  upgrade: boolean | null
  client: Socket
  _consuming: boolean
  _dumped: boolean
  _readableState: { readingMore: boolean } | undefined
}

/** What IncomingMessage's own constructor sets, but for the stream and what the prototype has for all: see below. */
function Request(this: Lazy, socket: Socket): void {
  this[kMade] = false
  this[kEnded] = false
  this.socket = socket
  this.client = socket
  this.httpVersionMajor = 0
  this.httpVersionMinor = 0
  this.httpVersion = ''
  this.complete = false
  this.rawHeaders = []
  this.rawTrailers = []
  this.aborted = false
  this.upgrade = null
  this.url = ''
  this.method = ''
  this._dumped = false
}

/** Give it to `http.createServer({ IncomingMessage: FrontRequest })`. */
// A class to its users, a function so that it need not run the constructor of what it extends.
export const FrontRequest = Request as unknown as typeof IncomingMessage

Request.prototype = Object.create(IncomingMessage.prototype, {
  constructor: { value: Request, writable: true, configurable: true },
  ...listening(IncomingMessage.prototype),
  push: { value: push, writable: true, configurable: true },
  _readableState: untilMade('_readableState', request => {
    make(request)
    return request._readableState
  }),
  // Node asks at the end of a response whether the rest of the body is to be thrown away.
  _consuming: untilMade('_consuming', request => request.complete),
  readableEnded: beforeMade<Lazy>(IncomingMessage.prototype, 'readableEnded', request => request[kEnded]),
  destroyed: beforeMade(IncomingMessage.prototype, 'destroyed', () => false),
})

// Whatever else this version of Node.js sets in each request, and that is not an object, is the same for all at first.
const sample = new IncomingMessage(new Socket())
const stream = new Readable()
for (const key of Reflect.ownKeys(sample)) {
  const value: unknown = Reflect.get(sample, key)
  if (Object.hasOwn(stream, key) || Object.hasOwn(Request.prototype, key)) continue
  if (typeof value === 'object' && value !== null) continue
  Object.defineProperty(Request.prototype, key, { value, writable: true, configurable: true })
}

function push(this: Lazy, chunk: Buffer | null): boolean {
  if (!this[kMade]) {
    if (chunk === null) {
      this[kEnded] = true
      this.emit('end')
      return false
    }
    make(this)
  }
  return Readable.prototype.push.call(this, chunk)
}

function make(request: Lazy): void {
  if (request[kMade]) return
  request[kMade] = true
  // Its own from here on, in place of the accessors.
  own(request, '_readableState', undefined)
  own(request, '_consuming', false)
  Reflect.apply(Readable, request, [{ highWaterMark: request.socket.readableHighWaterMark }])
  if (request._readableState !== undefined) request._readableState.readingMore = true
  if (request[kEnded]) Readable.prototype.push.call(request, null)
}

/** What the request has of its own once the stream is made. */
function untilMade(name: string, before: (request: Lazy) => unknown): PropertyDescriptor & ThisType<Lazy> {
  return {
    get() {
      return before(this)
    },
    set(value: unknown) {
      make(this)
      own(this, name, value)
    },
    configurable: true,
  }
}
