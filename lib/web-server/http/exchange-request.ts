/**
 * The app's request: a real http.IncomingMessage on a virtual socket, filled as node's parser fills it. Node calls
 * `socket.resume()` when a request is read, which is where the credits for its body come from.
 */
import { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { RequestHead } from '../../transport/exchange-messages.js'
import type { MessageMaker } from './message-prototypes.js'
import type { VirtualSocket } from './virtual-socket.js'

/** Headers beyond these many names and values are in `rawHeaders` only, as with node's parser. */
const PARSED_HEADERS_MAX = 2000

/** Members of IncomingMessage that node's parser and server use, in Node 20, 22 and 24. */
interface ParsedMessage extends IncomingMessage {
  _addHeaderLines(rawHeaders: readonly string[], count: number): void
  /** Reads the rest of the body and throws it away. */
  _dump(): void
  /** True when nothing more is to be pushed. */
  readonly _dumped: boolean
  /** True once the app has begun to read. */
  readonly _consuming: boolean
  readonly _readableState: { readonly resumeScheduled: boolean }
  upgrade: boolean
}

/** @param upgrade whether its connection becomes a tunnel @returns the request that the app gets, its body still to come. */
export function createRequest(
  head: RequestHead,
  socket: VirtualSocket,
  messages: MessageMaker,
  upgrade = false,
): IncomingMessage {
  // A virtual socket has all of a net.Socket that a request and apps use.
  const req = messages.request(socket) as ParsedMessage
  req.method = head.method
  req.url = head.url
  req.httpVersionMajor = head.httpVersionMajor
  req.httpVersionMinor = head.httpVersionMinor
  req.httpVersion = `${head.httpVersionMajor}.${head.httpVersionMinor}`
  req.upgrade = upgrade
  req._addHeaderLines(head.rawHeaders, Math.min(head.rawHeaders.length, PARSED_HEADERS_MAX))
  return req
}

/** Hands a piece of the body to the app. @returns whether it wants more now; if not it resumes its socket later */
export function pushBody(req: IncomingMessage, bytes: Buffer): boolean {
  if (req.destroyed || (req as ParsedMessage)._dumped) return true
  return (req as Readable).push(bytes)
}

/** The body has arrived completely. */
export function endBody(req: IncomingMessage, rawTrailers: readonly string[] | null): void {
  req.complete = true
  if (rawTrailers !== null) (req as ParsedMessage)._addHeaderLines(rawTrailers, rawTrailers.length)
  req.push(null)
}

/** Node 24: takes `req.signal` off its connection, whose end says nothing of a request that has been answered. */
const kDetachAbortSignal = Object.getOwnPropertySymbols(IncomingMessage.prototype).find(
  symbol => symbol.description === 'kDetachAbortSignal',
)

/** The response is finished: the end of the connection no longer concerns this request. */
export function detachSignal(req: IncomingMessage): void {
  if (kDetachAbortSignal === undefined) return
  const detach: unknown = Reflect.get(req, kDetachAbortSignal)
  if (typeof detach === 'function') Reflect.apply(detach, req, [])
}

/** The response is finished: a body that the app never looked at is thrown away. @returns whether it was */
export function dumpUnread(req: IncomingMessage): boolean {
  const message = req as ParsedMessage
  if (message._consuming || message._readableState.resumeScheduled) return message._dumped
  message._dump()
  return true
}

/** The client is gone before the exchange was over. */
export function abortRequest(req: IncomingMessage): void {
  req.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
}

/** @returns all Cookie headers in one, without the cost of parsing the others. */
export function cookieHeaderOf(rawHeaders: readonly string[]): string | undefined {
  let cookies: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length !== 6 || name.toLowerCase() !== 'cookie') continue
    const value = rawHeaders[at + 1] ?? ''
    cookies = cookies === undefined ? value : `${cookies}; ${value}`
  }
  return cookies
}
