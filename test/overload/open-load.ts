/**
 * Visitors who come at a rate of their own, whether those before them have been answered or not: the only kind of load
 * that overloads. Each request counts in a session that waits for no other answer, so every answer can be judged.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { Pool } from 'undici'
import { SessionHistory } from '../support/history.js'

/** One phase of a load: so many visitors in a row each, or so many requests a second whatever becomes of them. */
export type Offer =
  | { readonly kind: 'clients'; readonly clients: number; readonly forMs: number }
  | { readonly kind: 'rate'; readonly perSecond: number; readonly forMs: number }

/** Quantiles of durations, ms. */
export interface Durations {
  readonly median: number
  readonly p95: number
}

/** What became of a phase. */
export interface PhaseResult {
  /** Requests sent, each second of it. */
  readonly offeredPerSecond: number
  /** Answers 200, each second from the first request to the end of the offer. */
  readonly servedPerSecond: number
  readonly served: number
  /** 503 with Retry-After. */
  readonly refused: number
  /** Anything else, by what it was. */
  readonly failures: Readonly<Record<string, number>>
  readonly servedMs: Durations
  readonly refusedMs: Durations
  /** From the last request of the offer to the answer of the last one open, ms. */
  readonly drainedMs: number
}

interface CountedSession {
  readonly history: SessionHistory
  cookie: string | null
}

/** What has been seen of the phase under way. */
interface Seen {
  sent: number
  readonly servedMs: number[]
  /** Those served before the offer was over. */
  servedInTime: number
  readonly refusedMs: number[]
  readonly failures: Record<string, number>
}

/** Requests without an answer: more would only measure the client. */
const OPEN_MAX = 4_000
/** Time between two looks how many requests are due, ms. */
const TICK_MS = 4
const VIOLATIONS_MAX = 20
const LAST_READ_TRIES = 50

export class OpenLoad {
  readonly violations: string[] = []
  readonly #pool: Pool
  readonly #path: string
  /** Those that wait for no answer. */
  readonly #idle: CountedSession[] = []
  #sessions = 0
  #open = 0
  #offering = false
  #seen = emptySeen()

  /** @param computeMs what the app computes for each request, ms */
  constructor(url: string, computeMs: number) {
    this.#pool = new Pool(url, { connections: OPEN_MAX, pipelining: 1, headersTimeout: 60_000 })
    this.#path = `/mine/?ms=${computeMs}`
  }

  /** Carries out one phase. Resolves when every request of it has been answered. */
  async offer(offer: Offer): Promise<PhaseResult> {
    const seen = emptySeen()
    this.#seen = seen
    this.#offering = true
    const begunAt = performance.now()
    if (offer.kind === 'clients') await this.#keepBusy(offer.clients, offer.forMs)
    else await this.#sendAt(offer.perSecond, offer.forMs)
    this.#offering = false
    const endedAt = performance.now()
    while (this.#open > 0) await wait(1)
    const seconds = (endedAt - begunAt) / 1000
    return {
      offeredPerSecond: seen.sent / seconds,
      servedPerSecond: seen.servedInTime / seconds,
      served: seen.servedMs.length,
      refused: seen.refusedMs.length,
      failures: seen.failures,
      servedMs: durationsOf(seen.servedMs),
      refusedMs: durationsOf(seen.refusedMs),
      drainedMs: performance.now() - endedAt,
    }
  }

  /** Reads every session once more. @returns how many there are */
  async readAll(): Promise<number> {
    const readers = Array.from({ length: 16 }, async () => {
      for (let session = this.#idle.pop(); session !== undefined; session = this.#idle.pop()) {
        if (session.cookie !== null) await this.#readLast(session)
      }
    })
    await Promise.all(readers)
    await this.#pool.close()
    return this.#sessions
  }

  async #keepBusy(clients: number, forMs: number): Promise<void> {
    const end = performance.now() + forMs
    const busy = async () => {
      while (performance.now() < end) await this.#count()
    }
    await Promise.all(Array.from({ length: clients }, busy))
  }

  async #sendAt(perSecond: number, forMs: number): Promise<void> {
    const begunAt = performance.now()
    for (let sent = 0, ms = 0; ms < forMs; ms = performance.now() - begunAt) {
      for (; sent < (ms / 1000) * perSecond; sent++) if (this.#open < OPEN_MAX) void this.#count()
      await wait(TICK_MS)
    }
  }

  async #count(): Promise<void> {
    const session = this.#idle.shift() ?? this.#newSession()
    const seen = this.#seen
    const sentAt = performance.now()
    seen.sent++
    this.#open++
    session.history.onAsked(1)
    try {
      const { status, text, retryAfter } = await this.#send('POST', this.#path, session)
      const tookMs = performance.now() - sentAt
      if (status === 200) {
        const [value, owner] = text.split(' ')
        this.#violation(session.history.onIncremented(Number(value), owner))
        seen.servedMs.push(tookMs)
        if (this.#offering) seen.servedInTime++
      } else if (status === 503 && retryAfter !== undefined) seen.refusedMs.push(tookMs)
      else count(seen.failures, `${status} ${text.trim()}`)
    } catch (error) {
      const { code, message } = error as Error & { code?: string }
      session.history.onVanished(1)
      count(seen.failures, code ?? message)
    }
    this.#open--
    this.#idle.push(session)
  }

  async #send(method: 'GET' | 'POST', path: string, session: CountedSession) {
    const { cookie, history } = session
    const { statusCode, headers, body } = await this.#pool.request({
      method,
      path: `${path}&name=${history.name}`,
      headers: cookie === null ? {} : { cookie },
    })
    const text = await body.text()
    const setCookie = headers['set-cookie']?.toString().split(';')[0]
    if (setCookie !== undefined && cookie !== null && setCookie !== cookie) {
      this.#violation(history.onReplaced())
    }
    session.cookie ??= setCookie ?? null
    return { status: statusCode, text, retryAfter: headers['retry-after'] }
  }

  async #readLast(session: CountedSession): Promise<void> {
    for (let tries = 1; ; tries++) {
      const { status, text } = await this.#send('GET', '/mine/read?', session)
      if (status === 200) {
        const [value, owner] = text.split(' ')
        this.#violation(session.history.onRead(Number(value), owner))
        return
      }
      if (tries === LAST_READ_TRIES) {
        this.#violation(`${session.history.name}: its last read got ${status} ${text}`)
        return
      }
      await wait(100)
    }
  }

  #newSession(): CountedSession {
    return { history: new SessionHistory(`visitor-${++this.#sessions}`), cookie: null }
  }

  #violation(what: string | null): void {
    if (what !== null && this.violations.length < VIOLATIONS_MAX) this.violations.push(what)
  }
}

function emptySeen(): Seen {
  return { sent: 0, servedMs: [], servedInTime: 0, refusedMs: [], failures: {} }
}

function durationsOf(ms: readonly number[]): Durations {
  const sorted = [...ms].sort((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor(share * (sorted.length - 1))] ?? 0
  return { median: at(0.5), p95: at(0.95) }
}

function count(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1
}
