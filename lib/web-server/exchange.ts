/**
 * One request and its response at a web server, with its hold on the session: opens the session, runs the app, lets
 * the head and the end go out once the session's changes are held by enough replicas, and lets go of everything.
 */
import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { BatchedPort } from '../transport/batched-port.js'
import { CreditMeter } from '../transport/credits.js'
import { bufferOf, sizeOf, transferOf } from '../transport/exchange-bytes.js'
import type {
  Bytes,
  ExchangeId,
  FromWebServer,
  RequestHead,
  ToWebServer,
} from '../transport/exchange-messages.js'
import { type PlainAnswer, rawAnswer } from './exchange-answer.js'
import { type HeadersArgument, withCookie, withDefault } from './exchange-headers.js'
import {
  abortRequest,
  cookieHeaderOf,
  createRequest,
  detachSignal,
  dumpUnread,
  endBody,
  pushBody,
} from './exchange-request.js'
import { closesConnection, createResponse, detach, type ResponseEvents } from './exchange-response.js'
import { attachSession } from './request-session.js'
import type { Opened, SessionOpener, SessionUse } from './session-use.js'
import { type SocketEvents, VirtualSocket } from './virtual-socket.js'

/** How long the session of a client that went away waits for the app to end its response, ms: apps that never notice must not hold it for ever. */
const ABANDONED_MS = 30_000

/** The user's app. Whatever it returns is only looked at for a rejection. */
export type AppListener = (req: IncomingMessage, res: ServerResponse) => unknown

/** What all exchanges of one web server share. */
export interface ExchangeContext {
  readonly port: BatchedPort<ToWebServer, FromWebServer>
  readonly sessions: SessionOpener
  readonly handle: AppListener
  /** What the Keep-Alive header announces, ms. */
  readonly keepAliveTimeoutMs: number
  /** This web server's name for the x-served-by header, or null. */
  readonly servedBy: string | null
  /** A session could not be loaded, committed or copied for this request; the client has been told. */
  readonly onError: (error: unknown, head: RequestHead) => void
  /** The app threw, or the promise it returned was rejected. */
  readonly onUncaught: (error: unknown) => void
  /** This exchange is over. */
  readonly onOver: (id: ExchangeId) => void
}

type RequestMessage = Extract<ToWebServer, { readonly type: 'request' }>

/** One exchange. Its `on…` methods are called by its socket, its response, and the exchange server. */
export class Exchange implements SocketEvents, ResponseEvents {
  readonly #context: ExchangeContext
  readonly #id: ExchangeId
  readonly #head: RequestHead
  readonly #socket: VirtualSocket
  readonly #req: IncomingMessage
  readonly #credits = new CreditMeter()
  #res: ServerResponse | null = null
  #use: SessionUse | null = null
  #letGoOf = false
  /** Bytes of the response's final head, or anything after it, are on their way to the client. */
  #begun = false
  /** While the end is written its bytes are kept for `responseEnd`, which saves a message. */
  #collecting = false
  #collected: Bytes | null = null
  #responseEnded = false
  #waiting: Promise<void> | null = null
  /** Body bytes that the app was given but did not want yet. */
  #unwanted = 0
  #bodyEnded = false
  #bodyDropped = false
  #gone = false
  #over = false
  #abandoned: NodeJS.Timeout | undefined = undefined

  constructor(context: ExchangeContext, message: RequestMessage) {
    this.#context = context
    this.#id = message.id
    this.#head = message.head
    this.#socket = new VirtualSocket(message.head, this)
    this.#req = createRequest(message.head, this.#socket)
  }

  /** Opens the session and runs the app, at once when the session is here. */
  start(message: RequestMessage): void {
    const opened = this.#open()
    if (opened instanceof Promise) {
      this.#receive(message)
      opened.then(
        answer => this.#opened(answer),
        error => this.#unavailable(error),
      )
      return
    }
    this.#opened(opened)
    // After the app has begun, as node's parser does: so `req.complete` is false while the listener first runs.
    this.#receive(message)
  }

  /** A piece of the request's body. */
  onBody(bytes: Bytes): void {
    this.#socket.touched()
    this.#socket.bytesRead += sizeOf(bytes)
    if (pushBody(this.#req, bufferOf(bytes))) this.#credit(sizeOf(bytes))
    else this.#unwanted += sizeOf(bytes)
  }

  onBodyEnd(rawTrailers: readonly string[] | null): void {
    this.#bodyEnded = true
    if (!this.#req.destroyed) endBody(this.#req, rawTrailers)
    this.#leaveIfDone()
  }

  /** The client took so many bytes of the response. */
  onResponseCredit(bytes: number): void {
    this.#socket.credited(bytes)
  }

  /** The client is gone. */
  onAbort(): void {
    this.#gone = true
    this.#socket.destroy()
    // Before the app has been asked there is nobody to tell.
    if (this.#use === null) this.#leave()
  }

  // The app's side: its socket, then its response in the order of its life.

  onBodyWanted(): void {
    if (this.#unwanted === 0) return
    const bytes = this.#unwanted
    this.#unwanted = 0
    this.#credit(bytes)
  }

  onTimeout(): void {
    const byRequest = !this.#req.complete && this.#req.emit('timeout', this.#socket)
    const byResponse = this.#res?.emit('timeout', this.#socket) ?? false
    if (!byRequest && !byResponse) this.#socket.destroy()
  }

  onDestroyed(): void {
    if (this.#over) return
    abortRequest(this.#req)
    const byApp = !this.#gone
    this.#gone = true
    if (byApp && !this.#closesByItself()) this.#post({ type: 'cut', id: this.#id })
    if (this.#use === null) return
    if (byApp || this.#res?.writableEnded) {
      this.#leave()
      return
    }
    this.#abandoned = setTimeout(() => this.#leave(), ABANDONED_MS).unref()
  }

  /** The front closes the connection after this response: cutting it now could lose the response's last bytes. */
  #closesByItself(): boolean {
    return this.#responseEnded && this.#res !== null && closesConnection(this.#res)
  }

  onHead(headers: HeadersArgument): HeadersArgument {
    let all = headers
    const res = this.#res
    if (res === null || this.#use === null || this.#over || this.#responseEnded) return all
    try {
      const cookie = this.#use.head()
      if (cookie !== null) all = withCookie(res, all, cookie)
      this.#holdUntilAcknowledged()
    } catch (error) {
      this.#sessionFailed(error)
    }
    const { servedBy } = this.#context
    return servedBy === null ? all : withDefault(res, all, 'x-served-by', servedBy)
  }

  onEnding(): void {
    if (this.#over) return
    try {
      this.#use?.end()
      this.#holdUntilAcknowledged()
    } catch (error) {
      this.#sessionFailed(error)
    }
    this.#collecting = true
  }

  onEnded(): void {
    this.#collecting = false
    if (this.#gone) {
      this.#leave()
      return
    }
    if (this.#res?.writableLength === 0) this.#endResponse()
    else this.#passCollected()
  }

  onFinished(): void {
    const res = this.#res
    if (res === null || this.#over) return
    this.#endResponse()
    this.#bodyDropped = dumpUnread(this.#req)
    detachSignal(this.#req)
    detach(res, this.#socket)
    if (closesConnection(res)) this.#socket.destroySoon()
    if (this.#bodyDropped && !this.#bodyEnded) this.#post({ type: 'bodyUnwanted', id: this.#id })
    this.#leaveIfDone()
  }

  onBytes(bytes: Bytes): void {
    if (this.#responseEnded || this.#over) return
    this.#passCollected()
    if (this.#collecting) this.#collected = bytes
    else this.#pass(bytes)
  }

  // The session.

  #open(): Opened | Promise<Opened> {
    try {
      return this.#context.sessions.open({
        cookieHeader: cookieHeaderOf(this.#head.rawHeaders),
        encrypted: this.#head.encrypted,
      })
    } catch (error) {
      return { type: 'unavailable', error: error instanceof Error ? error : new Error(String(error)) }
    }
  }

  #opened(opened: Opened): void {
    if (this.#over) {
      if (opened.type === 'opened') opened.use.close()
      return
    }
    if (opened.type === 'opened') {
      this.#run(opened.use)
      return
    }
    if (opened.type === 'unavailable') {
      this.#unavailable(opened.error)
      return
    }
    this.#post({ type: 'reroute', id: this.#id, partition: opened.partition })
    this.#leave()
  }

  #unavailable(error: unknown): void {
    if (this.#over) return
    this.#context.onError(error, this.#head)
    this.#replace({ status: 503, text: 'The session cannot be read at the moment. Please try again.' })
    if (!this.#bodyEnded) this.#post({ type: 'bodyUnwanted', id: this.#id })
    this.#leave()
  }

  #run(use: SessionUse): void {
    const { handle, keepAliveTimeoutMs } = this.#context
    this.#use = use
    attachSession(this.#req, use)
    const res = createResponse(this.#req, this.#socket, this.#head.keepAlive, keepAliveTimeoutMs, this)
    this.#res = res
    try {
      // A scope of its own, as node gives each request, keeps one request's AsyncLocalStorage from the next one's.
      const returned = new AsyncResource('TroupeExchange').runInAsyncScope(handle, undefined, this.#req, res)
      if (isThenable(returned))
        returned.then(
          () => this.#returned(),
          error => this.#uncaught(error),
        )
    } catch (error) {
      this.#uncaught(error)
    }
  }

  /** The app's promise is kept: when the client is gone there is nothing more to wait for. */
  #returned(): void {
    if (this.#gone) this.#leave()
  }

  #uncaught(error: unknown): void {
    if (!this.#over && !this.#res?.writableEnded) {
      this.#answerInstead({ status: 500, text: 'Internal Server Error' })
      // The listener failed: nobody can be expected to end the response that it had begun.
      if (!this.#bodyEnded && !this.#gone) this.#post({ type: 'bodyUnwanted', id: this.#id })
      this.#leave()
    }
    this.#context.onUncaught(error)
  }

  #sessionFailed(error: unknown): void {
    this.#answerInstead({ status: 500, text: describe(error) })
    this.#context.onError(error, this.#head)
  }

  #holdUntilAcknowledged(): void {
    const acknowledged = this.#use?.acknowledged() ?? null
    if (acknowledged === null || this.#gone || acknowledged === this.#waiting) return
    this.#waiting = acknowledged
    this.#socket.hold()
    acknowledged.then(
      () => this.#acknowledged(acknowledged),
      error => this.#notAcknowledged(error),
    )
  }

  /** A later change of the same request may be on its way meanwhile: then the bytes wait for that one. */
  #acknowledged(which: Promise<void>): void {
    if (this.#waiting !== which) return
    this.#waiting = null
    if (this.#gone) return
    const ending = this.#res?.writableEnded === true
    this.#collecting = ending
    this.#socket.release()
    if (ending) this.onEnded()
  }

  #notAcknowledged(error: unknown): void {
    if (this.#gone || this.#responseEnded) return
    this.#answerInstead({ status: 503, text: 'The session could not be copied in time. Please try again.' })
    this.#context.onError(error, this.#head)
  }

  // The way out.

  /** Something else than the app's response: possible while none of that has been passed on, otherwise cut off. */
  #answerInstead(answer: PlainAnswer): void {
    if (this.#gone || this.#responseEnded) return
    if (this.#begun) {
      this.#socket.destroy()
      return
    }
    this.#replace(answer)
    this.#socket.discard()
  }

  #replace(answer: PlainAnswer): void {
    this.#responseEnded = true
    const bytes = rawAnswer(answer, this.#head)
    this.#post({ type: 'responseEnd', id: this.#id, bytes, close: !this.#head.keepAlive })
  }

  #endResponse(): void {
    if (this.#responseEnded || this.#res === null) return
    this.#responseEnded = true
    const bytes = this.#collected
    this.#collected = null
    this.#post({ type: 'responseEnd', id: this.#id, bytes, close: closesConnection(this.#res) }, bytes)
  }

  #passCollected(): void {
    if (this.#collected !== null) this.#pass(this.#collected)
    this.#collected = null
  }

  #pass(bytes: Bytes): void {
    // Early hints leave the final answer open.
    if (this.#res?.headersSent) this.#begun = true
    this.#post({ type: 'response', id: this.#id, bytes }, bytes)
  }

  /** The body may be here already, whole or in part, or be on its way. */
  #receive(message: RequestMessage): void {
    if (this.#over) return
    if (message.body !== null) this.onBody(message.body)
    if (message.bodyEnded) this.onBodyEnd(message.rawTrailers)
  }

  #credit(bytes: number): void {
    const credit = this.#credits.consumed(bytes)
    if (credit > 0 && !this.#bodyEnded) this.#post({ type: 'bodyCredit', id: this.#id, bytes: credit })
  }

  #post(message: FromWebServer, bytes: Bytes | null = null): void {
    this.#context.port.post(message, transferOf(bytes))
  }

  #leaveIfDone(): void {
    if (!this.#responseEnded || this.#res?.writableFinished !== true) return
    this.#letGo()
    if (this.#bodyEnded || this.#bodyDropped) this.#leave()
  }

  #letGo(): void {
    if (this.#use === null || this.#letGoOf) return
    this.#letGoOf = true
    this.#use.close()
  }

  /** The last of every path. */
  #leave(): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#abandoned)
    this.#socket.retire()
    this.#letGo()
    this.#context.onOver(this.#id)
  }
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as PromiseLike<unknown>).then === 'function'
  )
}

/** The code and first line of an error, for the client of the app that caused it. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'Internal Server Error'
  const code = 'code' in error && typeof error.code === 'string' ? `${error.code}: ` : ''
  return `${code}${error.message.split('\n')[0]}`
}
