/**
 * Signed calls to one session server's host over undici, each with a deadline. The first that fails ends the whole
 * connection: nothing is tried again here, since a gateway that does not know what arrived must not go on.
 */
import { type Dispatcher, Pool } from 'undici'
import type { ClusterKey, ClusterTls } from '../../transport/actor-control.js'
import { authorizationOf, digestOf, newNonce } from '../protocol/signature.js'
import { AnswerReader } from './remote-answer-reader.js'
import { Deadline } from './remote-deadline.js'
import {
  RemoteAnswerError,
  RemoteRefusedError,
  RemoteTimeoutError,
  RemoteUnauthorizedError,
  RemoteUnreachableError,
} from './remote-errors.js'

/** Sockets to one host: for the parts of a stream, a probe, and a question of the director. */
const CONNECTIONS_MAX = 8
/** A socket that is idle for so long is closed, ms: before the far side would, so that none is cut in use. */
const KEEP_ALIVE_MS = 30_000

/** Where a session server is, and how to be let in. */
export interface RemoteOptions {
  readonly name: string
  readonly url: string
  /** The first signs. */
  readonly keys: readonly ClusterKey[]
  readonly tls: ClusterTls | null
  /** Longest wait for an answer, or for more of it, ms. */
  readonly timeoutMs: number
}

/** One call. */
export interface RemoteCall {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly body?: string
  /** Another than that of the connection, ms. */
  readonly timeoutMs?: number
  /** Called for each line of the answer, in order, as its blocks arrive. */
  onLine(line: string): void
}

export class RemoteConnection {
  /** Settles with the first failure. */
  readonly failed: Promise<Error>
  /** Called when a socket was closed that nobody had asked to be: a good moment for a probe. */
  onSocketLost: (() => void) | null = null
  readonly #options: RemoteOptions
  readonly #pool: Pool
  #settleFailed: (error: Error) => void = () => undefined
  #failure: Error | null = null

  constructor(options: RemoteOptions) {
    this.#options = options
    this.failed = new Promise(resolve => {
      this.#settleFailed = resolve
    })
    this.#pool = new Pool(new URL(options.url).origin, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      allowH2: false,
      keepAliveTimeout: KEEP_ALIVE_MS,
      keepAliveMaxTimeout: KEEP_ALIVE_MS,
      // Deadlines are kept here: undici's are only as exact as a second.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: { timeout: options.timeoutMs, ...options.tls },
    })
    this.#pool.on('disconnect', () => this.onSocketLost?.())
  }

  get hasFailed(): boolean {
    return this.#failure !== null
  }

  /** @throws (as a rejection) the failure of the connection, which this call may have caused */
  async call(call: RemoteCall): Promise<void> {
    if (this.#failure !== null) throw this.#failure
    const { name, url } = this.#options
    const timeoutMs = call.timeoutMs ?? this.#options.timeoutMs
    const deadline = new Deadline(timeoutMs, () => this.fail(new RemoteTimeoutError(name, url, timeoutMs)))
    try {
      await this.#exchange(call, deadline)
    } catch (error) {
      throw this.fail(error)
    } finally {
      deadline.clear()
    }
  }

  /** A call whose answer is one line of JSON. @throws (as a rejection) the failure of the connection */
  async ask(call: Omit<RemoteCall, 'onLine'>): Promise<unknown> {
    let answer: unknown
    await this.call({
      ...call,
      onLine: line => {
        answer = this.parse(line)
      },
    })
    return answer
  }

  /** @throws RemoteAnswerError when the line is no JSON */
  parse(line: string): unknown {
    try {
      return JSON.parse(line)
    } catch {
      throw this.wrongAnswer('a line that is no JSON')
    }
  }

  wrongAnswer(found: string): RemoteAnswerError {
    return new RemoteAnswerError(this.#options.name, this.#options.url, found)
  }

  /** Ends the connection, every call under way with it. @returns the first failure, which counts */
  fail(thrown: unknown): Error {
    if (this.#failure === null) {
      const { name, url } = this.#options
      const failure = isOurs(thrown) ? thrown : new RemoteUnreachableError(name, url, thrown)
      this.#failure = failure
      this.#settleFailed(failure)
      void this.#destroy(failure)
    }
    return this.#failure
  }

  /** Ends the connection without a failure. */
  async close(): Promise<void> {
    this.onSocketLost = null
    await this.#destroy(new Error('the gateway was closed'))
  }

  async #exchange({ method, path, body = '', onLine }: RemoteCall, deadline: Deadline): Promise<void> {
    const key = this.#options.keys[0] ?? null
    const nonce = newNonce()
    const headers: Record<string, string> = {}
    if (key !== null) {
      const head = { method, target: path, time: Date.now(), nonce, digest: digestOf(body) }
      headers.authorization = authorizationOf(key.id, key.secret, head)
    }
    const response = await this.#pool.request({ method, path, headers, body: body === '' ? null : body })
    deadline.progress()
    const status = response.statusCode
    if (status === 401) throw new RemoteUnauthorizedError(this.#options.name, this.#options.url)
    let refusal = ''
    const reader = new AnswerReader({
      secret: key?.secret ?? null,
      nonce,
      status,
      onLine: line => {
        deadline.progress()
        if (status === 200) onLine(line)
        else refusal = line
      },
    })
    await this.#read(response.body, reader)
    if (status !== 200) throw this.#refused(status, refusal)
  }

  async #read(body: Dispatcher.ResponseData['body'], reader: AnswerReader): Promise<void> {
    for await (const chunk of body) {
      const wrong = reader.add(chunk as Buffer)
      if (wrong !== null) throw this.wrongAnswer(wrong)
    }
    if (!reader.isComplete) throw this.wrongAnswer('it ends before its last seal')
  }

  #refused(status: number, line: string): RemoteRefusedError {
    const { name, url } = this.#options
    const told = line === '' ? null : (this.parse(line) as { readonly code?: unknown } | null)
    const reason = typeof told?.code === 'string' ? told.code : 'no code'
    return new RemoteRefusedError(name, url, status, reason)
  }

  async #destroy(why: Error): Promise<void> {
    await this.#pool.destroy(why)
  }
}

/** Errors of this folder say all; what undici and Node throw needs the name of the session server. */
function isOurs(thrown: unknown): thrown is Error {
  return thrown instanceof Error && 'code' in thrown && String(thrown.code).startsWith('REMOTE_')
}
