/**
 * One upgrade or CONNECT at a web server: opens the session, hands the app a socket, and lets the head of the app's
 * answer go out once the session's changes are held by enough replicas. From then on the session stays as long as the
 * tunnel, and is committed at the end of each tick that changes it.
 */
import { AsyncResource } from 'node:async_hooks'
import type { IncomingMessage } from 'node:http'
import type {
  Bytes,
  ExchangeId,
  RequestHead,
  ToWebServer,
  TunnelEvent,
} from '../../transport/exchange-messages.js'
import type { Opened, SessionUse } from '../sessions/session-use.js'
import { answerForSessionError, type PlainAnswer, rawAnswer } from './exchange-answer.js'
import type { ExchangeContext } from './exchange-context.js'
import { createRequest, endBody } from './exchange-request.js'
import { MessageMaker } from './message-prototypes.js'
import { openSession } from './open-session.js'
import { attachSession } from './request-session.js'
import { TunnelOutput } from './tunnel-output.js'
import { TunnelSocket, type TunnelSocketEvents } from './tunnel-socket.js'

type RequestMessage = Extract<ToWebServer, { readonly type: 'request' }>

/** Frameworks leave the requests of these events as they are. */
const NODE_MESSAGES = new MessageMaker(() => null)

const NEW_LINE = '\n'
/** How long an app may leave the last bytes of a client unread, once both have ended their direction, ms. */
const ABANDONED_MS = 30_000

/** @returns the event by which an app is given such a request */
export function tunnelEventOf(head: RequestHead): TunnelEvent {
  return head.method === 'CONNECT' ? 'connect' : 'upgrade'
}

/** One tunnel. Its `on…` methods are called by its socket and by the exchange server. */
export class Tunnel implements TunnelSocketEvents {
  readonly #context: ExchangeContext
  readonly #id: ExchangeId
  readonly #head: RequestHead
  readonly #socket: TunnelSocket
  readonly #req: IncomingMessage
  readonly #output: TunnelOutput
  #use: SessionUse | null = null
  /** The app has begun to answer: the session was committed. */
  #answered = false
  /** Header lines that go behind the status line of the app's answer. */
  #lines = ''
  #waiting = false
  /** What the app wrote before it cut the connection, while the session's copies were under way. */
  #lastWords: Bytes | null = null
  #inputEnded = false
  #gone = false
  #over = false
  #abandoned: NodeJS.Timeout | undefined = undefined

  constructor(context: ExchangeContext, message: RequestMessage) {
    this.#context = context
    this.#id = message.id
    this.#head = message.head
    this.#socket = new TunnelSocket(message.head, this)
    this.#req = createRequest(message.head, this.#socket, NODE_MESSAGES, true)
    this.#output = new TunnelOutput(context.port, message.id)
  }

  /** Opens the session and runs the app, at once when the session is here. */
  start(message: RequestMessage): void {
    const opened = openSession(this.#context, this.#head)
    if (message.body !== null) this.onBody(message.body)
    if (message.bodyEnded) this.onBodyEnd()
    if (!(opened instanceof Promise)) {
      this.#opened(opened)
      return
    }
    opened.then(
      answer => this.#opened(answer),
      error => this.#failed(error),
    )
  }

  // What comes from the client.

  onBody(bytes: Bytes): void {
    this.#socket.receive(bytes)
  }

  onBodyEnd(): void {
    this.#inputEnded = true
    this.#socket.receiveEnd()
    this.#endIfAbandoned()
  }

  onResponseCredit(bytes: number): void {
    this.#socket.credited(bytes)
  }

  /** The client is gone. */
  onAbort(): void {
    this.#gone = true
    setImmediate(() => this.#leave())
    this.#socket.destroy(Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET', syscall: 'read' }))
  }

  /** The web server is about to end. */
  onGoAway(): void {
    if (this.#gone || this.#output.ended) return
    // Not at once: it may be called while the socket is passing something on.
    if (this.#output.begun) this.#output.goAway(() => setImmediate(() => this.#socket.discard()))
    else this.#answerInstead({ status: 503, text: 'The server is being replaced. Please try again.' })
  }

  // What the app does with its socket.

  onWriting(bytes: Bytes): Bytes {
    if (!this.#answered) this.#answering()
    return this.#lines === '' ? bytes : this.#withLines(bytes)
  }

  onBytes(bytes: Bytes): void {
    this.#output.write(bytes)
  }

  onEnded(): void {
    this.#output.end()
    this.#endIfAbandoned()
  }

  onTaken(bytes: number): void {
    if (!this.#inputEnded) this.#context.port.post({ type: 'bodyCredit', id: this.#id, bytes })
  }

  /** As with node's sockets: what to do about it is the app's decision. */
  onTimeout(): void {}

  onDestroyed(error: Error | null, unsent: Bytes | null): void {
    if (this.#over) return
    if (!this.#gone && this.#waiting && error === null && unsent !== null) {
      this.#lastWords = unsent
      return
    }
    const ended = this.#output.ended && this.#inputEnded
    if (!this.#gone && !ended) this.#context.port.post({ type: 'cut', id: this.#id })
    this.#gone = true
    // The app's close handlers still have the session.
    setImmediate(() => this.#leave())
  }

  // The session.

  #opened(opened: Opened): void {
    if (this.#over || this.#gone) {
      if (opened.type === 'opened') opened.use.close()
      this.#leave()
      return
    }
    if (opened.type === 'unavailable') {
      this.#failed(opened.error)
      return
    }
    if (opened.type === 'reroute') {
      this.#context.port.post({ type: 'reroute', id: this.#id, partition: opened.partition })
      this.#retire()
      return
    }
    this.#use = opened.use
    attachSession(this.#req, opened.use)
    this.#run()
  }

  #run(): void {
    endBody(this.#req, null)
    const { server } = this.#context
    const event = tunnelEventOf(this.#head)
    try {
      new AsyncResource('TroupeTunnel').runInAsyncScope(() =>
        server.emit(event, this.#req, this.#socket, Buffer.alloc(0)),
      )
    } catch (error) {
      this.#answerInstead({ status: 500, text: 'Internal Server Error' })
      this.#context.onUncaught(error)
    }
  }

  /** No replica could say what the session is. */
  #failed(error: unknown): void {
    this.#context.onError(error, this.#head)
    this.#answerInstead({
      status: 503,
      text: 'The session cannot be read at the moment. Please try again.',
    })
  }

  /** The app's first bytes: the session is committed as at any answer's head, and the bytes wait for its copies. */
  #answering(): void {
    this.#answered = true
    const { servedBy } = this.#context
    if (servedBy !== null) this.#lines += `x-served-by: ${servedBy}\r\n`
    try {
      const cookie = this.#use?.head() ?? null
      if (cookie !== null) this.#lines += `Set-Cookie: ${cookie}\r\n`
      const acknowledged = this.#use?.acknowledged() ?? null
      this.#use?.stay()
      if (acknowledged === null) return
      this.#waiting = true
      this.#socket.hold()
      acknowledged.then(
        () => this.#acknowledged(),
        error => this.#notAcknowledged(error),
      )
    } catch (error) {
      this.#context.onError(error, this.#head)
      this.#answerInstead(answerForSessionError(error))
    }
  }

  #acknowledged(): void {
    this.#waiting = false
    if (this.#lastWords !== null && !this.#gone) {
      this.#output.end(this.#lastWords, true)
      this.#retire()
      return
    }
    this.#socket.release()
  }

  #notAcknowledged(error: unknown): void {
    this.#waiting = false
    this.#context.onError(error, this.#head)
    this.#answerInstead({ status: 503, text: 'The session could not be copied in time. Please try again.' })
  }

  /** The status line may come in pieces. */
  #withLines(bytes: Bytes): Bytes {
    const text = typeof bytes === 'string' ? bytes : Buffer.from(bytes).toString('latin1')
    const end = text.indexOf(NEW_LINE) + 1
    if (end === 0) return bytes
    const lines = this.#lines
    this.#lines = ''
    return text.slice(0, end) + lines + text.slice(end)
  }

  // The way out.

  /** Something else than the app's answer: possible while none of that has been passed on, otherwise cut off. */
  #answerInstead(answer: PlainAnswer): void {
    if (this.#gone || this.#output.ended) return
    if (!this.#output.begun) this.#output.end(rawAnswer(answer, this.#head), true)
    else this.#context.port.post({ type: 'cut', id: this.#id })
    this.#retire()
  }

  /** The front knows the end of it: to the app this is a client that went away. */
  #retire(): void {
    if (!this.#inputEnded) this.#context.port.post({ type: 'bodyUnwanted', id: this.#id })
    this.#gone = true
    this.#socket.discard()
    this.#socket.destroy()
    setImmediate(() => this.#leave())
  }

  /** Both directions have ended: the front knows of it no more, and an app that does not read must not keep it for ever. */
  #endIfAbandoned(): void {
    if (!this.#inputEnded || !this.#output.ended || this.#over) return
    const unread = this.#socket.readableLength
    this.#abandoned = setTimeout(() => {
      if (this.#socket.readableLength < unread) this.#endIfAbandoned()
      else this.#socket.destroy()
    }, ABANDONED_MS).unref()
  }

  /** The last of every path. */
  #leave(): void {
    if (this.#over) return
    this.#over = true
    clearTimeout(this.#abandoned)
    this.#socket.retire()
    this.#use?.close()
    this.#context.onOver(this.#id)
  }
}
