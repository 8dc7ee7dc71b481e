/** What `troupe/store` keeps of a session: the data with its cookie, as session middleware hands it over. */
import { LRUCache } from 'lru-cache'

/** The cookie of a session as JSON has it, or as a middleware's own class. */
export interface StoredCookie {
  /** When it ends; null, or nothing, for a cookie that ends with the browser. */
  expires?: Date | string | null | false | undefined
  /** Lifetime as it was set, ms. */
  originalMaxAge?: number | null | undefined
  /** What is left of the lifetime, ms. */
  maxAge?: number | null | undefined
  [member: string]: unknown
}

/** The data of a session. */
export interface StoredData {
  cookie: StoredCookie
  [member: string]: unknown
}

/** @returns when a session ends: as its cookie says, otherwise its store's lifetime from now; ms since the Unix epoch */
export function expiryOf(cookie: Partial<StoredCookie> | undefined, ttlMs: number, now: number): number {
  const ends = cookie?.expires ? new Date(cookie.expires).getTime() : Number.NaN
  if (Number.isFinite(ends)) return ends
  const maxAge = cookie?.originalMaxAge ?? cookie?.maxAge
  return now + (typeof maxAge === 'number' && Number.isFinite(maxAge) ? maxAge : ttlMs)
}

/**
 * @returns the data as its store has it. Its cookie ends when the session does: touches change only that of the session
 */
export function parseStored(text: string, expires: number): StoredData {
  // Written by `set` or by Troupe's own req.session, which may leave out the cookie.
  const data = JSON.parse(text) as Partial<StoredData>
  const cookie = data.cookie ?? { originalMaxAge: null, expires: null, path: '/', httpOnly: true }
  if (cookie.expires) cookie.expires = new Date(expires).toISOString()
  return { ...data, cookie }
}

/** A session is kept alive by use, but not by a change for each: only when this part of its lifetime has passed. */
const TOUCH_AFTER = 1 / 10
/** Sessions of which the expiry is remembered: some 150 bytes each. Others are touched more often than needed. */
const REMEMBERED_MAX = 10_000

/** Knows which touches are worth passing on. */
export class Touches {
  readonly #expiries = new LRUCache<string, number>({ max: REMEMBERED_MAX })

  /** A session is known to end at that time. */
  note(id: string, expires: number): void {
    this.#expiries.set(id, expires)
  }

  forget(id: string): void {
    this.#expiries.delete(id)
  }

  /** Whether the new expiry differs enough from the known one; a shorter life always does. */
  isDue(id: string, expires: number, now: number): boolean {
    const known = this.#expiries.get(id)
    return known === undefined || expires < known || expires - known >= (expires - now) * TOUCH_AFTER
  }
}
