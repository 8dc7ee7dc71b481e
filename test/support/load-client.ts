/** One client of a load: increments counters in its own sessions, and checks every answer. */
import { setTimeout as wait } from 'node:timers/promises'
import { Client } from 'undici'

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
  readonly name: string
  cookie: string | null
  /** The last value that was answered. */
  acknowledged: number
  /** The highest value that the requests sent since can have led to. */
  highest: number
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

/** A client with a connection of its own, which takes its sessions in turn. */
export class LoadClient {
  readonly #client: Client
  readonly #sessions: CountedSession[]
  readonly #tally: Tally
  #sent = 0

  constructor(url: string, index: number, sessions: number, tally: Tally) {
    this.#client = new Client(url, { pipelining: 1, keepAliveTimeout: 60_000, headersTimeout: 30_000 })
    this.#sessions = Array.from({ length: sessions }, (_, session) => ({
      name: `client ${index} session ${session}`,
      cookie: null,
      acknowledged: 0,
      highest: 0,
    }))
    this.#tally = tally
    this.#sent = index
  }

  /** Sends one request after the other until told to stop, with rests of this length on average, ms. */
  async run(signal: AbortSignal, pauseMs: number): Promise<void> {
    while (!signal.aborted) {
      await this.#step()
      if (pauseMs > 0) await wait(2 * pauseMs * Math.random())
    }
  }

  /** Every session still has what was last acknowledged, or what a failed request may have added. */
  async readAll(): Promise<void> {
    for (const session of this.#sessions) {
      if (session.cookie === null) continue
      const { status, text } = await this.#send({ method: 'GET', runs: 0 }, '/read', session)
      const value = Number(text)
      if (status !== 200) this.#violation(session, `its last read got ${status} ${text}`)
      else if (!(value >= session.acknowledged && value <= session.highest)) {
        this.#violation(session, `read ${text}, expected ${session.acknowledged} to ${session.highest}`)
      }
    }
    await this.#client.close()
  }

  async #step(): Promise<void> {
    const turn = this.#sent % this.#sessions.length
    const round = Math.floor(this.#sent / this.#sessions.length)
    const session = this.#sessions[turn]
    // So that each session is met by every method, and not all at the same time.
    const step = STEPS[(round + turn) % STEPS.length]
    this.#sent++
    if (session === undefined || step === undefined) throw new RangeError('a client needs a session')
    this.#tally.requests++
    session.highest += step.runs
    try {
      const answer = await this.#send(step, '/', session)
      if (answer.status === 200) this.#incremented(session, answer.text)
      else this.#refused(session, step, answer)
    } catch (error) {
      this.#cut(session, step, error)
    }
  }

  async #send({ method, body }: Step, path: string, session: CountedSession) {
    const { cookie } = session
    const response = await this.#client.request({
      method,
      path,
      headers: cookie === null ? {} : { cookie },
      ...(body === undefined ? {} : { body }),
    })
    const text = await response.body.text()
    const setCookie = response.headers['set-cookie']?.toString().split(';')[0]
    if (setCookie !== undefined && cookie !== null && setCookie !== cookie) {
      this.#violation(session, `its cookie was replaced after ${session.acknowledged} increments`)
    }
    session.cookie ??= setCookie ?? null
    return { status: response.statusCode, text, retryAfter: response.headers['retry-after'] }
  }

  #incremented(session: CountedSession, text: string): void {
    const value = Number(text)
    const { acknowledged, highest } = session
    if (!(value > acknowledged && value <= highest)) {
      this.#violation(session, `answered ${text}, expected ${acknowledged + 1} to ${highest}`)
    }
    this.#tally.increments++
    if (value > acknowledged + 1) this.#tally.repeats += value - acknowledged - 1
    session.acknowledged = value
    session.highest = value
  }

  #refused(
    session: CountedSession,
    { method }: Step,
    answer: { status: number; text: string; retryAfter: string | string[] | undefined },
  ): void {
    const { status, text, retryAfter } = answer
    this.#failed(`${method} ${status} ${text.trim()}`)
    const allowed = method === 'POST' && status === 503 && text === LOST
    if (!allowed) this.#violation(session, `${method} got ${status} ${text.trim()}`)
    if (status === 503 && retryAfter === undefined) this.#violation(session, '503 without Retry-After')
  }

  #cut(session: CountedSession, { method }: Step, error: unknown): void {
    const { code, message } = error as Error & { code?: string }
    const what = `${method} cut (${code ?? message})`
    this.#failed(what)
    // The answer of a counter is one message: it is never cut after it has begun.
    this.#violation(session, what)
  }

  #failed(what: string): void {
    const { failures } = this.#tally
    failures[what] = (failures[what] ?? 0) + 1
  }

  #violation(session: CountedSession, what: string): void {
    const { violations } = this.#tally
    if (violations.length < VIOLATIONS_MAX) violations.push(`${session.name}: ${what}`)
  }
}

/** @returns a tally of nothing yet */
export function emptyTally(): Tally {
  return { requests: 0, increments: 0, failures: {}, repeats: 0, violations: [] }
}
