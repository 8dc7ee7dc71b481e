/** Whether a response sets the session's cookie, and to what. */
import type { SessionConfig } from '../../config/schema.js'
import type { CookieSigner } from './cookie-value.js'
import type { SessionCommitter } from './session-commit.js'
import { Cookie } from './session-cookie.js'
import type { SessionHold } from './session-hold.js'

/** What the responses of one web server need for their cookies. */
export interface SetCookieOptions {
  readonly config: SessionConfig
  readonly signer: CookieSigner
  readonly committer: SessionCommitter
  readonly now: () => number
}

/** Makes the Set-Cookie values of one web server. */
export class SetCookies {
  readonly #options: SetCookieOptions

  constructor(options: SetCookieOptions) {
    this.#options = options
  }

  /**
   * Whether the browser has to be told of a stored session.
   * @param isKnown it came with the session's cookie
   */
  isDue(hold: SessionHold, isKnown: boolean): boolean {
    const { config, committer } = this.#options
    if (!isKnown || config.rolling || hold.cookieChanged) return true
    if (!hold.looked || hold.originalMaxAge === null) return false
    // Whenever the end of the session moves, so does that of its cookie: neither outlives the other for long.
    return hold.committed || committer.isTouchDue(hold)
  }

  /** The cookie's lifetime begins with the response that sets it. @returns a Set-Cookie value */
  renewed({ cookie, entry }: SessionHold): string {
    cookie.maxAge = cookie.originalMaxAge
    return this.#setCookie(cookie, this.#options.signer.sign(entry.id))
  }

  /** @returns a Set-Cookie value that takes the cookie of an ended session back */
  cleared(hold: SessionHold): string {
    const cookie = new Cookie(hold.cookie.data, this.#options.now)
    cookie.expires = new Date(0)
    return this.#setCookie(cookie, '')
  }

  /** A secure one too where this connection is plain: https may end at a proxy in front. */
  #setCookie(cookie: Cookie, value: string): string {
    return cookie.serialize(this.#options.config.name, value)
  }
}
