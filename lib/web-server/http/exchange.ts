/**
 * One request and its response at a web server, with its hold on the session: opens the session, runs the app, lets
 * the head and the end go out once the session's changes are held by enough replicas, and lets go of everything.
 */
import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { TroupeError } from '../../errors.js'
import { sizeOf } from '../../transport/exchange-bytes.js'
import type {
  Bytes,
  ExchangeId,
  FromWebServer,
  RequestHead,
  ToWebServer,
} from '../../transport/exchange-messages.js'
import type { Opened, SessionUse } from '../sessions/session-use.js'
import { answerForSessionError, type PlainAnswer } from './exchange-answer.js'
import type { ExchangeContext } from './exchange-context.js'
import { type HeadersArgument, withCookie, withDefault, withoutCookie } from './exchange-headers.js'
import { ExchangeInput } from './exchange-input.js'
import { ExchangeOutput } from './exchange-output.js'
import { abortRequest, createRequest, detachSignal } from './exchange-request.js'
import { closesConnection, createResponse, detach, type ResponseEvents } from './exchange-response.js'
import { ExchangeSocket, type ExchangeSocketEvents } from './exchange-socket.js'
import { openSession } from './open-session.js'
import { attachSession } from './request-session.js'

/** How long the session of a client that went away waits for the app to end its response, ms: apps that never notice must not hold it for ever. */
const ABANDONED_MS = 30_000

type RequestMessage = Extract<ToWebServer, { readonly type: 'request' }>

/** One exchange. Its `on…` methods are called by its socket, its response, and the exchange server. */
export class Exchange implements ExchangeSocketEvents, ResponseEvents {
  readonly #context: ExchangeContext
  readonly #id: ExchangeId
  readonly #head: RequestHead
  readonly #socket: ExchangeSocket
  readonly #req: IncomingMessage
  readonly #input: ExchangeInput
  readonly #output: ExchangeOutput
  #res: ServerResponse | null = null
  /** The session cookie of the last head that was made. */
  #cookie: string | null = null
  #use: SessionUse | null = null
  #letGoOf = false
  #waiting: Promise<void> | null = null
  /** Its response has emitted 'finish': from here on its connection's end says nothing of the request. */
  #finished = false
  #gone = false
  #over = false
  #abandoned: NodeJS.Timeout | undefined = undefined

  constructor(context: ExchangeContext, message: RequestMessage) {
    this.#context = context
    this.#id = message.id
    this.#head = message.head
    this.#socket = new ExchangeSocket(message.head, this)
    this.#req = createRequest(message.head, this.#socket, context.messages)
    this.#input = new ExchangeInput(context.port, message.id, this.#req)
    this.#output = new ExchangeOutput(context.port, message.id)
  }

  /** Opens the session and runs the app, at once when the session is here. */
  start(message: RequestMessage): void {
    const opened = openSession(this.#context, this.#head)
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
    this.#input.push(bytes)
  }

  onBodyEnd(rawTrailers: readonly string[] | null): void {
    this.#input.end(rawTrailers)
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
    this.#input.wanted()
  }

  onTimeout(): void {
    const byRequest = !this.#req.complete && this.#req.emit('timeout', this.#socket)
    const byResponse = this.#res?.emit('timeout', this.#socket) ?? false
    if (!byRequest && !byResponse) this.#socket.destroy()
  }

  onDestroyed(): void {
    if (this.#over) return
    // At the close, and before its response hears of it: in the order of node:http.
    if (!this.#finished) this.#socket.prependOnceListener('close', () => abortRequest(this.#req))
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
    return this.#output.ended && this.#res !== null && closesConnection(this.#res)
  }

  onHead(headers: HeadersArgument): HeadersArgument {
    let all = headers
    const res = this.#res
    if (res === null || this.#use === null || this.#over || this.#output.ended) return all
    try {
      const cookie = this.#use.head()
      // A head that node refused, for a bad header say, is made a second time.
      if (this.#cookie !== null) withoutCookie(res, this.#cookie)
      if (cookie !== null) all = withCookie(res, all, cookie)
      this.#cookie = cookie
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
    this.#output.collect()
    this.#socket.endingBegins()
  }

  onEnded(): void {
    this.#socket.endingEnds()
    this.#output.stopCollecting()
    if (this.#gone) {
      this.#leave()
      return
    }
    if (this.#res?.writableEnded && this.#res.writableLength === 0) this.#endResponse()
    else this.#output.flush()
  }

  onFinished(): void {
    const res = this.#res
    if (res === null || this.#over) return
    this.#finished = true
    this.#endResponse()
    this.#input.dropUnread()
    detachSignal(this.#req)
    detach(res, this.#socket)
    if (closesConnection(res)) this.#socket.destroySoon()
    this.#leaveIfDone()
  }

  onBytes(bytes: Bytes): void {
    if (!this.#over) this.#output.write(bytes, this.#res?.headersSent === true)
  }

  // The session.

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
    const text = 'The session cannot be read at the moment. Please try again.'
    this.#output.replace({ status: 503, text }, this.#head)
    this.#input.refuse()
    this.#leave()
  }

  #run(use: SessionUse): void {
    const { handle, keepAliveTimeoutMs, messages } = this.#context
    this.#use = use
    attachSession(this.#req, use)
    const res = createResponse(
      this.#req,
      this.#socket,
      messages,
      this.#head.keepAlive,
      keepAliveTimeoutMs,
      this,
    )
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
    // What a session call threw and the app let pass says nothing of the app's state.
    const ofSession = error instanceof TroupeError
    if (!this.#over && !this.#res?.writableEnded) {
      this.#answerInstead(
        ofSession ? answerForSessionError(error) : { status: 500, text: 'Internal Server Error' },
      )
      // The listener failed: nobody can be expected to end the response that it had begun.
      if (!this.#gone) this.#input.refuse()
      this.#leave()
    }
    if (ofSession) this.#context.onError(error, this.#head)
    else this.#context.onUncaught(error)
  }

  #sessionFailed(error: unknown): void {
    this.#answerInstead(answerForSessionError(error))
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
    if (ending) this.#output.collect()
    this.#socket.release()
    if (ending) this.onEnded()
  }

  #notAcknowledged(error: unknown): void {
    if (this.#gone || this.#output.ended) return
    this.#answerInstead({ status: 503, text: 'The session could not be copied in time. Please try again.' })
    this.#context.onError(error, this.#head)
  }

  // The way out.

  /** Something else than the app's response: possible while none of that has been passed on, otherwise cut off. */
  #answerInstead(answer: PlainAnswer): void {
    if (this.#gone || this.#output.ended) return
    if (this.#output.begun) {
      this.#socket.destroy()
      return
    }
    this.#output.replace(answer, this.#head)
    this.#socket.discard()
    setImmediate(() => this.#closeUnended())
  }

  /** An app that streams would go on for ever for nobody: to it this is a client that went away. */
  #closeUnended(): void {
    if (this.#over || this.#gone || this.#res?.writableEnded) return
    this.#input.refuse()
    this.#gone = true
    this.#socket.destroy()
  }

  #endResponse(): void {
    if (this.#res !== null) this.#output.end(closesConnection(this.#res))
  }

  /** The body may be here already, whole or in part, or be on its way. */
  #receive(message: RequestMessage): void {
    if (this.#over) {
      // The app has cut it at once, but that all of it came is true.
      if (message.bodyEnded) this.#req.complete = true
      return
    }
    if (message.body !== null) this.onBody(message.body)
    if (message.bodyEnded) this.onBodyEnd(message.rawTrailers)
  }

  #post(message: FromWebServer): void {
    this.#context.port.post(message)
  }

  #leaveIfDone(): void {
    if (!this.#output.ended || !this.#finished) return
    this.#letGo()
    if (this.#input.done) this.#leave()
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
