/** One client of a load: increments counters in its own sessions, and checks every answer. */
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'undici'
import { SessionHistory } from './history.js'

/** What a load consists of. */
export interface LoadOptions {
  readonly url: string
  readonly clients: number
  /** Sessions of each client. */
  readonly sessions: number
  /** Mean time that a client rests between two requests, ms; without it there is none. */
  readonly pauseMs?: number
  /** Each session tells whose it is, by /mine of test/support/apps/counter.ts. */
  readonly named?: boolean
  /** A session is left after so many requests, and another one begun; without it, never. */
  readonly sessionSteps?: number
  /** What may befall the cluster: one actor at a time, by default, or hosts and networks too, so that any request may fail. */
  readonly faults?: 'one actor' | 'any'
  /** Longest wait for an answer, ms; half a minute by default. */
  readonly answerWithinMs?: number
}

/** What became of a load, summed over its clients. */
export interface Tally {
  requests: number
  /** Answers 200. */
  increments: number
  /** Requests that failed as docs/design.md allows, by method and what the client saw. */
  readonly failures: Record<string, number>
  /** Increments that had been carried out twice, as is allowed of an idempotent request whose server died. */
  repeats: number
  /** What must never happen: one sentence each. */
  readonly violations: string[]
}

/** A session as its client knows it. */
interface CountedSession {
  readonly history: SessionHistory
  cookie: string | null
  /** Requests sent. */
  sent: number
}

interface Step {
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly body?: string
  /** How often it may be carried out although it is sent once. */
  readonly runs: number
}

/** Half of them may be repeated by the server, half not; half with a body. */
const STEPS: readonly Step[] = [
  { method: 'GET', runs: 2 },
  { method: 'POST', runs: 1 },
  { method: 'PUT', body: 'once more', runs: 2 },
  { method: 'POST', body: 'exactly once', runs: 1 },
]

/** Reasons of the front that design.md knows for one death at a time. */
const LOST = 'The web server that worked on this request was lost. Please try again.\n'
const VIOLATIONS_MAX = 20
/** Before a request is sent that follows one which got no answer, ms: where nobody listens, trying is cheap. */
const UNANSWERED_REST_MS = 50
const LAST_READ_TRIES = 100

/** A client with a connection of its own, which takes its sessions in turn. */
export class LoadClient {
  readonly #client: Client
  readonly #options: LoadOptions
  readonly #index: number
  readonly #sessions: CountedSession[]
  readonly #tally: Tally
  #sent = 0
  #begun = 0

  constructor(options: LoadOptions, index: number, tally: Tally) {
    const { url, sessions, answerWithinMs = 30_000 } = options
    this.#options = options
    this.#index = index
    this.#client = new Client(url, {
      pipelining: 1,
      keepAliveTimeout: 60_000,
      headersTimeout: answerWithinMs,
      connectTimeout: answerWithinMs,
    })
    this.#sessions = Array.from({ length: sessions }, () => this.#begin())
    this.#tally = tally
    this.#sent = index
  }

  /** Sends one request after the other until told to stop, with rests of this length on average, ms. */
  async run(signal: AbortSignal): Promise<void> {
    const { pauseMs = 0 } = this.#options
    while (!signal.aborted) {
      await this.#step()
      if (pauseMs > 0) await wait(2 * pauseMs * Math.random())
    }
  }

  /** Every session still has what was last acknowledged, or what a failed request may have added. */
  async readAll(): Promise<void> {
    for (const session of this.#sessions) await this.#readLast(session)
    await this.#client.close()
  }

  #begin(): CountedSession {
    const name = `client-${this.#index}-session-${this.#begun++}`
    return { history: new SessionHistory(name), cookie: null, sent: 0 }
  }

  async #readLast(session: CountedSession): Promise<void> {
    if (session.cookie === null) return
    for (let tries = 1; ; tries++) {
      const last = tries === LAST_READ_TRIES || this.#options.faults !== 'any'
      try {
        const { status, text } = await this.#send({ method: 'GET', runs: 0 }, '/read', session)
        if (status === 200) this.#violation(session.history.onRead(...valueIn(text)))
        else if (last) this.#violation(`${session.history.name}: its last read got ${status} ${text}`)
        if (status === 200 || last) return
      } catch (error) {
        if (last) throw error
      }
      await wait(UNANSWERED_REST_MS)
    }
  }

  async #step(): Promise<void> {
    const turn = this.#sent % this.#sessions.length
    const round = Math.floor(this.#sent / this.#sessions.length)
    // So that each session is met by every method, and not all at the same time.
    const step = STEPS[(round + turn) % STEPS.length]
    this.#sent++
    const session = await this.#present(turn)
    if (session === undefined || step === undefined) throw new RangeError('a client needs a session')
    session.sent++
    this.#tally.requests++
    session.history.onAsked(step.runs)
    try {
      const answer = await this.#send(step, '/', session)
      if (answer.status === 200) this.#incremented(session, answer.text)
      else this.#refused(session, step, answer)
    } catch (error) {
      this.#cut(session, step, error)
      if (this.#options.faults === 'any') await wait(UNANSWERED_REST_MS)
    }
  }

  /** @returns the session whose turn it is: a new one once it has had its steps */
  async #present(turn: number): Promise<CountedSession | undefined> {
    const session = this.#sessions[turn]
    const { sessionSteps = Number.POSITIVE_INFINITY } = this.#options
    if (session === undefined || session.sent < sessionSteps) return session
    await this.#readLast(session)
    const next = this.#begin()
    this.#sessions[turn] = next
    return next
  }

  async #send({ method, body }: Step, path: string, session: CountedSession) {
    const { cookie, history } = session
    const response = await this.#client.request({
      method,
      path: this.#options.named ? `/mine${path}?name=${history.name}` : path,
      headers: cookie === null ? {} : { cookie },
      ...(body === undefined ? {} : { body }),
    })
    const text = await response.body.text()
    const setCookie = response.headers['set-cookie']?.toString().split(';')[0]
    if (setCookie !== undefined && cookie !== null && setCookie !== cookie) {
      this.#violation(history.onReplaced())
    }
    session.cookie ??= setCookie ?? null
    return { status: response.statusCode, text, retryAfter: response.headers['retry-after'] }
  }

  #incremented({ history }: CountedSession, text: string): void {
    const [value, owner] = valueIn(text)
    const before = history.told
    this.#violation(history.onIncremented(value, owner))
    this.#tally.increments++
    if (value > before + 1) this.#tally.repeats += value - before - 1
  }

  #refused(
    { history }: CountedSession,
    { method }: Step,
    answer: { status: number; text: string; retryAfter: string | string[] | undefined },
  ): void {
    const { status, text, retryAfter } = answer
    this.#failed(`${method} ${status} ${text.trim()}`)
    const allowed = status === 503 && (this.#options.faults === 'any' || (method === 'POST' && text === LOST))
    if (!allowed) this.#violation(`${history.name}: ${method} got ${status} ${text.trim()}`)
    if (status === 503 && retryAfter === undefined)
      this.#violation(`${history.name}: 503 without Retry-After`)
  }

  #cut({ history }: CountedSession, { method, runs }: Step, error: unknown): void {
    const { code, message } = error as Error & { code?: string }
    const what = `${method} cut (${code ?? message})`
    this.#failed(what)
    history.onVanished(runs)
    // The answer of a counter is one message: only a lost host or network cuts it.
    if (this.#options.faults !== 'any') this.#violation(`${history.name}: ${what}`)
  }

  #failed(what: string): void {
    const { failures } = this.#tally
    failures[what] = (failures[what] ?? 0) + 1
  }

  #violation(what: string | null): void {
    const { violations } = this.#tally
    if (what !== null && violations.length < VIOLATIONS_MAX) violations.push(what)
  }
}

/** @returns the counter and, when it is told, whose it is */
function valueIn(text: string): [value: number, owner?: string] {
  const [value, owner] = text.split(' ')
  return owner === undefined ? [Number(value)] : [Number(value), owner]
}

/** @returns a tally of nothing yet */
export function emptyTally(): Tally {
  return { requests: 0, increments: 0, failures: {}, repeats: 0, violations: [] }
}

/** @returns how many requests failed, in whatever way */
export function failuresOf({ failures }: Tally): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0)
}
