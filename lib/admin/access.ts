/**
 * Who may ask: whoever brings the token, or the cookie that the login form exchanged it for. Without a configured token
 * everybody may who can connect, which is this machine.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { parseCookie } from 'cookie'
import { Attempts } from './attempts.js'
import { DASHBOARD_PATH } from './paths.js'

/** How long a login lasts: a working day, ms. */
const LOGIN_MS = 12 * 60 * 60 * 1000
const COOKIE_NAME = 'troupe_admin'
/** Tells this use of the token from any other, so that a signature made for one means nothing to another. */
const COOKIE_KEY_OF = 'troupe admin login, version 1'
const NONCE_BYTES = 16

/** What came of a token: nobody looks at it before the address that brought it has waited. */
export type Verdict = 'right' | 'wrong' | { readonly waitMs: number }

/** Decides on access, and makes login cookies. */
export class Access {
  readonly #token: string | null
  readonly #cookieKey: Buffer
  readonly #now: () => number
  readonly #attempts: Attempts

  /** @param token null asks for none @param now ms since the epoch */
  constructor(token: string | null, now: () => number = Date.now) {
    this.#token = token
    this.#cookieKey = createHmac('sha256', token ?? '')
      .update(COOKIE_KEY_OF)
      .digest()
    this.#now = now
    this.#attempts = new Attempts(now)
  }

  /** Nobody is asked for anything. */
  get isOpen(): boolean {
    return this.#token === null
  }

  /** Whether a program may ask: it brings the token in its Authorization header. @param address where it is */
  ofProgram({ authorization }: IncomingHttpHeaders, address: string): Verdict {
    if (this.isOpen) return 'right'
    const token = /^bearer +(\S+) *$/i.exec(authorization ?? '')?.[1]
    return token === undefined ? 'wrong' : this.ofToken(token, address)
  }

  /** Whether the dashboard may ask: its cookie is one that was made here, and not too old. */
  hasLogin({ cookie }: IncomingHttpHeaders): boolean {
    if (this.isOpen) return true
    const value = parseCookie(cookie ?? '')[COOKIE_NAME] ?? ''
    const [, claim, signature] = /^(\d{1,15}\.[\w-]{1,64})\.([\w-]{1,64})$/.exec(value) ?? []
    if (claim === undefined || signature === undefined) return false
    return isSame(signature, this.#sign(claim)) && Number.parseInt(claim, 10) > this.#now()
  }

  /** Compares in a time that tells nothing of the token. @param address who brings it; it may be wrong so often only */
  ofToken(token: string, address: string): Verdict {
    const waitMs = this.#attempts.waitMs(address)
    if (waitMs > 0) return { waitMs }
    if (this.#token !== null && isSame(token, this.#token)) return 'right'
    this.#attempts.onWrong(address)
    return 'wrong'
  }

  /**
   * @param isHttps the browser came by https, so the cookie is for https only
   * @returns the Set-Cookie header of a login. Only the dashboard's path: cookies know no ports, and the app's is next door
   */
  login(isHttps: boolean): string {
    const claim = `${this.#now() + LOGIN_MS}.${randomBytes(NONCE_BYTES).toString('base64url')}`
    return cookieOf(`${claim}.${this.#sign(claim)}`, LOGIN_MS / 1000, isHttps)
  }

  /** @returns the Set-Cookie header that ends a login */
  logout(isHttps: boolean): string {
    return cookieOf('', 0, isHttps)
  }

  #sign(claim: string): string {
    return createHmac('sha256', this.#cookieKey).update(claim).digest('base64url')
  }
}

function cookieOf(value: string, maxAgeSeconds: number, isHttps: boolean): string {
  const attributes = `Path=${DASHBOARD_PATH}; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Strict`
  return `${COOKIE_NAME}=${value}; ${attributes}${isHttps ? '; Secure' : ''}`
}

/** By digests, since the comparison wants equal lengths, and the length of the token is nobody's business. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(a), digest(b))
}
