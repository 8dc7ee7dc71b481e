/** The value of a session cookie: `s:<id>.<hmac>`, as cookie-signature writes it. */
import { timingSafeEqual } from 'node:crypto'
import { parseCookie } from 'cookie'
import { sign, unsign } from 'cookie-signature'
import type { SessionId } from '../../replication/ids.js'

/** Marks a signed value. */
const SIGNED = 's:'

/** A header may hold a thousand cookies of one name, and each costs a verification: more than these are an attack. */
const VALUES_MAX = 8

/**
 * @returns the signed values that a Cookie header has for one name, decoded, in its order: a browser sends several
 * when cookies of one name were set for different paths or domains
 */
export function signedCookieValues(header: string | undefined, name: string): readonly string[] {
  if (header === undefined || !header.includes(name)) return []
  const values: string[] = []
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    if (equals === -1 || pair.slice(0, equals).trim() !== name) continue
    const value = parseCookie(pair)[name]
    if (value?.startsWith(SIGNED)) values.push(value)
    if (values.length === VALUES_MAX) break
  }
  return values
}

/** @returns the id that a cookie value names, not verified; null when it is not of our form */
export function claimedId(value: string): SessionId | null {
  const dot = value.lastIndexOf('.')
  return value.startsWith(SIGNED) && dot > SIGNED.length
    ? (value.slice(SIGNED.length, dot) as SessionId)
    : null
}

/** Signs ids with the first secret and verifies with all of them, so that secrets can be rotated. */
export class CookieSigner {
  readonly #secrets: readonly string[]
  readonly #current: string

  /** @param secrets at least one */
  constructor(secrets: readonly string[]) {
    const [current] = secrets
    if (current === undefined || current === '')
      throw new TypeError('session.secret: at least one secret is needed')
    this.#secrets = secrets
    this.#current = current
  }

  /** @returns the cookie value of an id */
  sign(id: SessionId): string {
    return SIGNED + sign(id, this.#current)
  }

  /** Compares in constant time. @returns the id, or null when no secret has signed it */
  verify(value: string): SessionId | null {
    if (!value.startsWith(SIGNED)) return null
    const signed = value.slice(SIGNED.length)
    for (const secret of this.#secrets) {
      const id = unsign(signed, secret)
      if (id !== false && id !== '') return id as SessionId
    }
    return null
  }
}

/** Whether a cookie value is, byte for byte, one that was verified before. Constant time. */
export function isSameCookie(value: string, verified: Buffer): boolean {
  const bytes = Buffer.from(value)
  return bytes.length === verified.length && timingSafeEqual(bytes, verified)
}
