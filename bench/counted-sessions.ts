/** The sessions of one load at one server: made before it, and counted after it. */
import type { Load } from './loads.js'

/** Requests of these checks under way at once. */
const AT_ONCE = 8
/** A cookie of the length of Troupe's: a server without sessions parses as much as the others. */
const MEANINGLESS = `troupe.sid=s%3A${'0'.repeat(32)}.${'0'.repeat(43)}`

/** Cookies of sessions, and what is known of them. */
export interface LoadSessions {
  /** At least as many cookies as asked for. @throws Error when the server does not count as it should */
  cookies(count: number): Promise<readonly string[]>
  /**
   * @param requests that were answered since the last check
   * @param unfinished at most so many more had an effect, or none
   * @throws Error when sessions have not counted them all
   */
  check(requests: number, unfinished: number): Promise<void>
}

/** Of a server without sessions. */
export const NO_SESSIONS: LoadSessions = {
  cookies: async count => Array.from({ length: count }, () => MEANINGLESS),
  check: async () => undefined,
}

/** Of a server that keeps sessions. */
export class CountedSessions implements LoadSessions {
  readonly #url: string
  readonly #load: Load
  readonly #cookies: string[] = []
  /** Visits of all of them together. */
  #visits = 0

  constructor(url: string, load: Load) {
    this.#url = url
    this.#load = load
  }

  async cookies(count: number): Promise<readonly string[]> {
    const missing = Math.max(0, count - this.#cookies.length)
    await inTurn(missing, async () => {
      this.#cookies.push(await this.#begin())
    })
    return this.#cookies.slice(0, count)
  }

  async check(requests: number, unfinished: number): Promise<void> {
    if (this.#load.sessions === 'none') return
    let visits = 0
    await inTurn(this.#cookies.length, async index => {
      const own = Number(await this.#visit('/read', this.#cookies[index]))
      visits += own
    })
    const counted = visits - this.#visits
    this.#visits = visits
    const expected = this.#load.counts ? requests : 0
    if (Math.abs(counted - expected) <= (this.#load.counts ? unfinished : 0)) return
    throw new Error(
      `${this.#url} answered ${requests} requests of the load ${this.#load.name}, and its sessions counted ` +
        `${counted}: expected ${expected}, its figures mean nothing`,
    )
  }

  /** Visits twice, and must be known the second time. @returns the cookie */
  async #begin(): Promise<string> {
    const path = this.#load.path === '/read' ? '/count' : this.#load.path
    const response = await fetch(`${this.#url}${path}`)
    const first = await response.text()
    const cookie = response.headers.getSetCookie()[0]?.split(';')[0]
    const second = await this.#visit(path, cookie)
    if (first !== '1' || second !== '2') {
      throw new Error(
        `${this.#url}${path} answered ${first}, then ${second} to a new session: expected 1, then 2`,
      )
    }
    this.#visits += 2
    return cookie ?? ''
  }

  async #visit(path: string, cookie: string | undefined): Promise<string> {
    const response = await fetch(`${this.#url}${path}`, { headers: { cookie: cookie ?? '' } })
    if (response.status !== 200) throw new Error(`${this.#url}${path} answered ${response.status}`)
    return await response.text()
  }
}

/** Calls it for 0 to count - 1, some at a time. */
async function inTurn(count: number, call: (index: number) => Promise<void>): Promise<void> {
  let next = 0
  const lane = async () => {
    while (next < count) await call(next++)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}
