/**
 * The app's response: a real http.ServerResponse on a virtual socket. Its `writeHead` and `end` are own properties,
 * since Express re-parents responses onto a prototype that skips any subclass; they tell the exchange when the head
 * and the end are due.
 */
import { type IncomingMessage, OutgoingMessage, ServerResponse } from 'node:http'
import type { HeadersArgument } from './exchange-headers.js'
import type { MessageMaker } from './message-prototypes.js'
import type { VirtualSocket } from './virtual-socket.js'

/** What a response tells its exchange. */
export interface ResponseEvents {
  /** The head is about to be made. @returns the headers argument to make it with */
  onHead(headers: HeadersArgument): HeadersArgument
  /** The app calls `end`, for the first time. */
  onEnding(): void
  /** `end` has run, or failed: everything that could be passed on at once has been. */
  onEnded(): void
  /** Everything has been passed on. */
  onFinished(): void
}

const kEvents = Symbol('response events')

/** Members of ServerResponse that node's server uses, in Node 20, 22 and 24. */
interface ServedResponse extends ServerResponse {
  [kEvents]?: ResponseEvents
  _keepAliveTimeout: number
  /** Whether the connection closes after this response; known once the head is made. */
  _last: boolean
  destroyed: boolean
  _closed: boolean
  /** Stands for node's symbol of that name. */
  kNeedDrain: boolean
}

/** Where a response notes that a write found its connection full; node's server clears it, and so must this one. */
const kNeedDrain = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  symbol => symbol.description === 'kNeedDrain',
) as unknown as 'kNeedDrain'

/** @param keepAliveTimeoutMs what the Keep-Alive header says */
export function createResponse(
  req: IncomingMessage,
  socket: VirtualSocket,
  messages: MessageMaker,
  keepAlive: boolean,
  keepAliveTimeoutMs: number,
  events: ResponseEvents,
): ServerResponse {
  const res = messages.response(req) as ServedResponse
  res.shouldKeepAlive = keepAlive
  res._keepAliveTimeout = keepAliveTimeoutMs
  res[kEvents] = events
  res.writeHead = writeHead as typeof res.writeHead
  res.end = end as typeof res.end
  res.on('finish', onFinish)
  socket.on('drain', onSocketDrain)
  res.assignSocket(socket as never)
  return res
}

/** Whether the connection has to close after this response. Known once the head is made. */
export function closesConnection(res: ServerResponse): boolean {
  return (res as ServedResponse)._last
}

/** Takes the response off its connection, as node does when it is finished. */
export function detach(res: ServerResponse, socket: VirtualSocket): void {
  if (res.socket !== null) res.detachSocket(socket as never)
  process.nextTick(emitClose, res)
}

function emitClose(res: ServedResponse): void {
  if (res._closed) return
  res.destroyed = true
  res._closed = true
  res.emit('close')
}

function writeHead(this: ServedResponse, status: number, ...rest: unknown[]): ServerResponse {
  if (this.headersSent) return ServerResponse.prototype.writeHead.call(this, status)
  const reason = typeof rest[0] === 'string' ? rest[0] : undefined
  const headers = (reason === undefined ? (rest[0] ?? rest[1]) : rest[1]) as HeadersArgument
  if (reason !== undefined) this.statusMessage = reason
  const all = this[kEvents]?.onHead(headers) as never
  return ServerResponse.prototype.writeHead.call(this, status, all)
}

function end(this: ServedResponse, ...args: unknown[]): ServerResponse {
  const events = this[kEvents]
  const first = !this.writableEnded
  if (first) events?.onEnding()
  try {
    Reflect.apply(ServerResponse.prototype.end, this, args)
  } finally {
    // Also when node refuses what is to be written: the app may end it with something else.
    if (first) events?.onEnded()
  }
  return this
}

function onSocketDrain(this: { _httpMessage?: ServedResponse | null }): void {
  const res = this._httpMessage
  if (!res || res.writableEnded || !res[kNeedDrain]) return
  res[kNeedDrain] = false
  res.emit('drain')
}

function onFinish(this: ServedResponse): void {
  this[kEvents]?.onFinished()
}
