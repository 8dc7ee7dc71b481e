/** The value of a session cookie: `s:<id>.<hmac>`, as cookie-signature writes it. */
import { timingSafeEqual } from 'node:crypto'
import { parseCookie } from 'cookie'
import { sign, unsign } from 'cookie-signature'
import type { SessionId } from '../../replication/ids.js'
import { rawCookieValues } from '../../transport/cookie-header.js'

/** Marks a signed value. */
const SIGNED = 's:'
/** The same as browsers send it back. */
const SIGNED_ENCODED = 's%3A'
/** Values up to this length are compared without an allocation, characters: ours have about 100. */
const SCRATCH_MAX = 256

/** A header may hold a thousand cookies of one name, and each costs a verification: more than these are an attack. */
const VALUES_MAX = 8
/** Values of that name that are looked at for a signature at all. */
const RAW_VALUES_MAX = 64

/** @returns the signed values that a Cookie header has for one name, as received, in its order */
export function signedCookieValues(header: string | undefined, name: string): readonly string[] {
  const values = rawCookieValues(header, name, RAW_VALUES_MAX)
  return values.length === 0 ? values : values.filter(isSigned).slice(0, VALUES_MAX)
}

/** @returns the id that a cookie value, as received, names, not verified; null when it is not of our form */
export function claimedId(raw: string): SessionId | null {
  if (raw.startsWith(SIGNED_ENCODED)) {
    const dot = raw.lastIndexOf('.')
    const id = raw.slice(SIGNED_ENCODED.length, dot)
    // Ids of ours need no encoding: nearly every request ends here.
    if (dot > SIGNED_ENCODED.length && !id.includes('%')) return id as SessionId
  }
  const value = decoded(raw)
  const dot = value.lastIndexOf('.')
  return value.startsWith(SIGNED) && dot > SIGNED.length
    ? (value.slice(SIGNED.length, dot) as SessionId)
    : null
}

function isSigned(raw: string): boolean {
  return raw.startsWith(SIGNED_ENCODED) || decoded(raw).startsWith(SIGNED)
}

/** @returns what a cookie value as received says */
function decoded(raw: string): string {
  return parseCookie(`value=${raw}`).value ?? ''
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

  /**
   * Compares in constant time.
   * @param raw a cookie value as received
   * @returns the id, or null when no secret has signed it
   */
  verify(raw: string): SessionId | null {
    const value = decoded(raw)
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
  const { length } = value
  if (length !== verified.length) return false
  if (length > SCRATCH_MAX) return timingSafeEqual(Buffer.from(value, 'latin1'), verified)
  let scratch = scratches[length]
  if (scratch === undefined) {
    scratch = Buffer.alloc(length)
    scratches[length] = scratch
  }
  scratch.write(value, 'latin1')
  return timingSafeEqual(scratch, verified)
}

/** One for each length. */
const scratches: (Buffer | undefined)[] = new Array(SCRATCH_MAX + 1).fill(undefined)
