/**
 * The conversation between the director's front and one web server about HTTP requests. What one tick produced for
 * a port travels as one array of these (docs/design.md, "The picture"). Byte counts drive the credits of
 * `transport/credits.ts`: a sender never has more than the window outstanding.
 */

import type { Settled } from '../replication/assignment.js'
import type { Partition } from '../replication/ids.js'
import type { Claim } from '../replication/messages.js'
import type { SessionEvent } from './session-events.js'
import type { WireError } from './wire-error.js'

/** Names one request on one port; the front counts them up. */
export type ExchangeId = number

/** Bytes on their way: text is one-byte characters (latin1), each standing for one byte. */
export type Bytes = string | Uint8Array

/** The head of one request as node:http parsed it. */
export interface RequestHead {
  readonly method: string
  /** The request target exactly as received. */
  readonly url: string
  readonly httpVersionMajor: number
  readonly httpVersionMinor: number
  /** Names and values in turn, as received: `IncomingMessage.rawHeaders`. */
  readonly rawHeaders: readonly string[]
  /** What node:http decided: false means that the connection closes after this response. */
  readonly keepAlive: boolean
  readonly encrypted: boolean
  readonly remoteAddress: string | undefined
  readonly remotePort: number | undefined
  readonly localAddress: string | undefined
  readonly localPort: number | undefined
}

/**
 * What becomes of a request's connection. A `tunnel` (Upgrade, CONNECT) is the app's from its head on: what the client
 * sends is its `body`, what the app writes is its `response`, either end may end its direction first.
 */
export type ExchangeKind = 'request' | 'tunnel'

/** The events by which an app takes tunnels. */
export type TunnelEvent = 'upgrade' | 'connect'

/** Front → web server. */
export type ToWebServer =
  | {
      readonly type: 'request'
      readonly id: ExchangeId
      readonly kind: ExchangeKind
      readonly head: RequestHead
      /** The body, or what has arrived of it. */
      readonly body: Bytes | null
      /** False when more `body` messages follow. */
      readonly bodyEnded: boolean
      /** Raw trailers, when `bodyEnded` and the request had any. */
      readonly rawTrailers: readonly string[] | null
    }
  | { readonly type: 'body'; readonly id: ExchangeId; readonly bytes: Bytes }
  | { readonly type: 'bodyEnd'; readonly id: ExchangeId; readonly rawTrailers: readonly string[] | null }
  /** The client took this many bytes of the response. */
  | { readonly type: 'responseCredit'; readonly id: ExchangeId; readonly bytes: number }
  /** The client went away, or the front gave up: nobody listens to this exchange any more. */
  | { readonly type: 'abort'; readonly id: ExchangeId }
  /** The web server is about to end, and the time of this tunnel with it: it is to be closed in order, now. */
  | { readonly type: 'goAway'; readonly id: ExchangeId }
  /** The web server is to be replaced or stopped once its requests have finished: the app is told. */
  | { readonly type: 'draining' }

/** Web server → front (exchange messages, `accepts`), and → director (`settled`, `fenced`, `reported`, `failing`). */
export type FromWebServer =
  /** Raw bytes of the HTTP/1.1 response, head included, in order. */
  | { readonly type: 'response'; readonly id: ExchangeId; readonly bytes: Bytes }
  /**
   * The response is complete. `bytes` are its last; `close` tells the front to close the connection after them. The
   * app may go on to read the request's body: the exchange is over when that has ended too, or is unwanted. Of a tunnel
   * it is the app's half of the connection that ends.
   */
  | {
      readonly type: 'responseEnd'
      readonly id: ExchangeId
      readonly bytes: Bytes | null
      readonly close: boolean
    }
  /** The app cut the connection (`req.destroy()`, `res.destroy()`, `socket.destroy()`): the front cuts the client's. */
  | { readonly type: 'cut'; readonly id: ExchangeId }
  /** The app took this many bytes of the request's body. */
  | { readonly type: 'bodyCredit'; readonly id: ExchangeId; readonly bytes: number }
  /** The app will not read what is left of the request's body: the front throws it away. */
  | { readonly type: 'bodyUnwanted'; readonly id: ExchangeId }
  /** This web server does not own the session's partition: ask its owner. The app has not seen the request. */
  | { readonly type: 'reroute'; readonly id: ExchangeId; readonly partition: Partition }
  /** The app listens to this event: such requests are tunnels from now on. Without it they are ordinary requests. */
  | { readonly type: 'accepts'; readonly event: TunnelEvent }
  /** Something happened to a session; only what was asked for by `wantSessionEvents`. */
  | { readonly type: 'sessionEvent'; readonly event: SessionEvent }
  /** A resync is done. */
  | { readonly type: 'settled'; readonly settled: readonly Settled[] }
  /** A replica refused mutations of this partition, of which it knows a later epoch; the partition was dropped here. */
  | { readonly type: 'fenced'; readonly claim: Claim }
  /** An error that one request met and was told of, for the log. `during` is its method and target. */
  | { readonly type: 'reported'; readonly error: WireError; readonly during: string | null }
  /** An error that nobody caught: this web server wants to be replaced once its requests have finished. */
  | { readonly type: 'failing'; readonly error: WireError }

/** The messages of {@link FromWebServer} that belong to one exchange, which the front handles. */
export type ExchangeReply = Extract<FromWebServer, { readonly id: ExchangeId }>
