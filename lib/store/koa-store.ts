/** The store of koa-session: promises, lifetimes in ms, data without a cookie. */
import type { SessionId } from '../replication/ids.js'
import { type SessionAccess, setUnlessEnded } from './session-access.js'
import { Touches } from './stored-data.js'

/** Lifetime as koa-session gives it: ms, or `"session"` for a cookie that ends with the browser. */
export type KoaMaxAge = number | 'session' | undefined

/** What koa-session tells of a save. */
export interface KoaSaveHints {
  /** False when it only renews the lifetime. */
  readonly changed?: boolean | undefined
}

/** See `TroupeStore.koa`. */
export class KoaSessionStore {
  readonly #access: () => Promise<SessionAccess>
  readonly #touches = new Touches()

  constructor(access: () => Promise<SessionAccess>) {
    this.#access = access
  }

  /** @returns the session's data, undefined when there is no such session */
  async get(key: string): Promise<Record<string, unknown> | undefined> {
    const { calls } = await this.#access()
    const found = await calls.call({ op: 'get', id: key as SessionId })
    if (found === null) {
      this.#touches.forget(key)
      return undefined
    }
    this.#touches.note(key, found.expires)
    return JSON.parse(found.data) as Record<string, unknown>
  }

  /** Saves a session. One that is unchanged is written only when a tenth of its lifetime has passed. */
  async set(key: string, data: object, maxAge?: KoaMaxAge, { changed }: KoaSaveHints = {}): Promise<void> {
    const { calls, ttlMs } = await this.#access()
    const now = Date.now()
    const expires = now + (typeof maxAge === 'number' ? maxAge : ttlMs)
    if (changed === false && !this.#touches.isDue(key, expires, now)) return
    await setUnlessEnded(calls, key, JSON.stringify(data), expires)
    this.#touches.note(key, expires)
  }

  async destroy(key: string): Promise<void> {
    const { calls } = await this.#access()
    this.#touches.forget(key)
    await calls.call({ op: 'destroy', id: key as SessionId })
  }
}
