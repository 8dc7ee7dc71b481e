/** The way of the command line to a running cluster: its admin listener. */
import { Agent, type Dispatcher, errors, request } from 'undici'
import type { CommandLine } from '../admin/commands.js'
import type { Failure } from '../admin/failures.js'
import { ClusterAnswerError, ClusterUnreachableError } from './cluster-errors.js'

/** Where the admin listener is, and what it asks for. */
export interface AdminPlace {
  /** `http://127.0.0.1:9090` */
  readonly url: string
  readonly token: string | null
}

const CONNECT_MS = 5_000
/** Longest wait for an answer, ms: a status asks every actor, and one that hangs takes half a second. */
const ANSWER_MS = 30_000
/** What takes long is waited for as long as it takes: a drain may have any `drainTimeout`. */
const NO_LIMIT = 0

/** Asks a cluster. All of it throws ClusterUnreachableError | ClusterAnswerError. */
export class AdminClient {
  readonly #place: AdminPlace
  readonly #agent = new Agent({
    connect: { timeout: CONNECT_MS },
    headersTimeout: ANSWER_MS,
    bodyTimeout: ANSWER_MS,
  })

  constructor(place: AdminPlace) {
    this.#place = place
  }

  get url(): string {
    return this.#place.url
  }

  /** @returns what GET answers */
  async get<Answer>(path: string): Promise<Answer> {
    return await this.#json<Answer>(path, { method: 'GET' })
  }

  /** @returns what POST answers */
  async post<Answer>(path: string, body: object = {}): Promise<Answer> {
    return await this.#json<Answer>(path, { method: 'POST', body: JSON.stringify(body) })
  }

  /** @returns the lines of an answer that comes bit by bit */
  async *lines<Line extends object>(path: string): AsyncGenerator<Line> {
    yield* this.#linesOf<Line>(path, await this.#ask(path, { method: 'GET' }))
  }

  /**
   * Has something done that takes its time. Leaving does not end it.
   * @returns its steps as they happen, and its result at the end
   */
  async *command<Result>(
    path: string,
    body: object,
    signal: AbortSignal,
  ): AsyncGenerator<Exclude<CommandLine<Result>, { readonly error: Failure }>> {
    const answer = await this.#ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headersTimeout: NO_LIMIT,
      bodyTimeout: NO_LIMIT,
      signal,
    })
    for await (const line of this.#linesOf<CommandLine<Result>>(path, answer)) {
      if ('error' in line) throw new ClusterAnswerError(line.error)
      yield line
      if ('result' in line) return
    }
    throw this.#lost()
  }

  async #json<Answer>(path: string, options: AskOptions): Promise<Answer> {
    const { body } = await this.#ask(path, options)
    try {
      // The boundary: both ends are of this package.
      return (await body.json()) as Answer
    } catch (cause) {
      throw this.#lost(cause)
    }
  }

  async *#linesOf<Line extends object>(
    path: string,
    { body }: Dispatcher.ResponseData,
  ): AsyncGenerator<Line> {
    let rest = ''
    const decoder = new TextDecoder()
    try {
      for await (const chunk of body as AsyncIterable<Uint8Array>) {
        const lines = `${rest}${decoder.decode(chunk, { stream: true })}`.split('\n')
        rest = lines.pop() ?? ''
        // The boundary: both ends are of this package.
        for (const line of lines) yield JSON.parse(line) as Line
      }
    } catch (cause) {
      throw this.#lost(cause)
    }
    if (rest !== '') throw this.#lost(new Error(`${path} ended in the middle of a line`))
  }

  async #ask(path: string, options: AskOptions): Promise<Dispatcher.ResponseData> {
    const { url, token } = this.#place
    const answer = await request(`${url}${path}`, {
      ...options,
      dispatcher: this.#agent,
      headers: {
        accept: 'application/x-ndjson, application/json',
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
    }).catch((cause: unknown) => {
      throw this.#unreachable(cause)
    })
    const { statusCode, headers, body } = answer
    // Other listeners, such as the app's, may answer anything with 200.
    const isJson = /^application\/(x-nd)?json\b/.test(String(headers['content-type']))
    if (isJson && statusCode >= 200 && statusCode < 300) return answer
    throw this.#refused(isJson ? await body.json().catch(() => null) : await body.dump(), statusCode)
  }

  #refused(body: unknown, status: number): ClusterAnswerError | ClusterUnreachableError {
    const failure = failureOf(body)
    if (failure === null) {
      return new ClusterUnreachableError(
        `What listens at ${this.url} is no admin listener of Troupe: it answered ${status}. Check the address.`,
      )
    }
    if (failure.code !== 'ADMIN_TOKEN_NEEDED') return new ClusterAnswerError(failure)
    const what = this.#place.token === null ? 'asks for a token' : 'refuses this token'
    return new ClusterAnswerError({
      code: failure.code,
      message:
        `The cluster at ${this.url} ${what}: give that of admin.token in TROUPE_ADMIN_TOKEN, with --token, or by ` +
        'naming its configuration file with --config.',
    })
  }

  #unreachable(cause: unknown): ClusterUnreachableError {
    return new ClusterUnreachableError(
      `No cluster answers at ${this.url} (${reasonOf(cause)}). Is it running, and is its admin listener there?`,
      { cause },
    )
  }

  /** An answer that has begun does not end. */
  #lost(cause?: unknown): ClusterUnreachableError {
    return new ClusterUnreachableError(
      `The connection to the cluster at ${this.url} was lost. It may have stopped; or what was asked for goes on. ` +
        'See "troupe status".',
      { cause },
    )
  }
}

type AskOptions = Pick<Dispatcher.RequestOptions, 'method' | 'headersTimeout' | 'bodyTimeout'> & {
  readonly body?: string
  readonly signal?: AbortSignal
}

function failureOf(body: unknown): Failure | null {
  if (typeof body !== 'object' || body === null || !('error' in body)) return null
  const { error } = body
  if (typeof error !== 'object' || error === null || !('code' in error) || !('message' in error)) return null
  const detail = 'detail' in error ? { detail: String(error.detail) } : {}
  return { code: String(error.code), message: String(error.message), ...detail }
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.ConnectTimeoutError || error instanceof errors.HeadersTimeoutError)
    return 'no answer'
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') return error.code
  return error instanceof Error ? error.message : String(error)
}
