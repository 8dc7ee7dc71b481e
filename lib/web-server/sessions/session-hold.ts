/** What one request has seen and done of one session: how it is known whether there is anything to commit. */
import type { PendingChange } from './session-change.js'
import { Cookie, type CookieSettings, customisation, customised } from './session-cookie.js'
import type { SessionEntry } from './session-entry.js'
import { SessionClosedError, SessionRevertedError } from './session-errors.js'
import type { SessionRecord } from './session-json.js'

/** How a hold is set up. */
export interface SessionHoldOptions {
  /** What the cookie is unless the session has its own settings. */
  readonly cookieDefaults: CookieSettings
  readonly now: () => number
  /** Something was assigned, deleted or customised; or, when the request is over, looked at or handed out. */
  onChange(): void
}

/** One request's hold on one session. */
export class SessionHold {
  readonly entry: SessionEntry
  /** The request read or wrote something: its answer may depend on the session. */
  looked = false
  /** As {@link looked}, since the last touch. */
  used = false
  /** A commit of this request changed the session. */
  committed = false
  /** This request changed the session's cookie. */
  cookieChanged = false
  /** The last change that this request made and that is not known to be held by enough replicas. */
  pendingChange: PendingChange | null = null
  readonly #options: SessionHoldOptions
  #holdsObjects = false
  #wrote = false
  #isOver = false
  /** The live data that its objects were part of when the request was over. */
  #left: SessionRecord | null = null
  /** The generation of the live data that this request may have changed. */
  #generation = 0
  #cookie: Cookie | null = null
  #cookieText: string | null = null

  constructor(entry: SessionEntry, options: SessionHoldOptions) {
    this.entry = entry
    this.#options = options
  }

  /** For reading: whoever takes an object out of it says so by {@link handOut}. */
  look(): SessionRecord {
    this.looked = true
    if (!this.used) {
      this.used = true
      if (this.#isOver) this.#options.onChange()
    }
    return this.entry.data
  }

  /** @returns the value, noting that the request can now change it unseen when it is an object */
  handOut(value: unknown): unknown {
    if (typeof value !== 'object' || value === null || this.#holdsObjects) return value
    if (this.#isOver) {
      this.entry.dirty = true
      this.#options.onChange()
    } else {
      this.#join()
      this.#holdsObjects = true
      this.entry.holders++
    }
    return value
  }

  write(key: string, value: unknown): void {
    const data = this.look()
    this.handOut(value)
    this.#touched()
    if (key !== '__proto__') data[key] = value
    // Defined, not assigned: so it becomes a member like any other.
    else Object.defineProperty(data, key, { value, writable: true, enumerable: true, configurable: true })
    this.#options.onChange()
  }

  delete(key: string): void {
    const data = this.look()
    if (!Object.hasOwn(data, key)) return
    this.#touched()
    delete data[key]
    this.#options.onChange()
  }

  /** The lifetime that the session's cookie was given, ms; null for a browser-session cookie. */
  get originalMaxAge(): number | null {
    // The common cookie need not be made to be known.
    if (this.#cookie === null && this.entry.cookieText === null) {
      return this.#options.cookieDefaults.originalMaxAge
    }
    return this.cookie.originalMaxAge
  }

  /** The request's own view of the session's cookie. */
  get cookie(): Cookie {
    if (this.#cookie === null) {
      const { cookieDefaults, now } = this.#options
      const { cookieText, version, expires } = this.entry
      this.#cookieText = cookieText
      // Of a stored session the lifetime is running: the app can tell its visitor what is left of it.
      const end = version > 0 ? new Date(expires) : null
      this.#cookie = new Cookie(customised(cookieText, cookieDefaults), now, end)
    }
    return this.#cookie
  }

  set cookie(settings: CookieSettings) {
    const { cookieDefaults, now } = this.#options
    this.looked = true
    this.#cookieText = this.entry.cookieText
    this.#cookie = new Cookie({ ...cookieDefaults, ...settings, originalMaxAge: maxAgeOf(settings) }, now)
    this.#options.onChange()
  }

  /** Brings what this request changed of the cookie into the shared session. */
  applyCookie(): void {
    if (this.#cookie === null) return
    const text = customisation(this.#cookie, this.#options.cookieDefaults)
    if (text === this.#cookieText) return
    this.#cookieText = text
    this.entry.customiseCookie(text)
    this.entry.dirty = true
    this.cookieChanged = true
  }

  /** This request may have changed the session since its last commit. */
  get mayHaveChanged(): boolean {
    return this.#wrote || this.#holdsObjects
  }

  /** Whether the session may differ from what was committed last, through this or any other request. */
  get mayDiffer(): boolean {
    return this.entry.dirty || this.entry.holders > 0
  }

  /** @throws SessionRevertedError when the changes of this request were thrown away because of another */
  assertCurrent(): void {
    const { entry } = this
    if (!this.mayHaveChanged || this.#generation === entry.generation) return
    this.catchUp()
    if (entry.revertedBy !== null) throw new SessionRevertedError(entry.revertedBy)
  }

  /** The request knows that its changes were thrown away, and goes on with what there is. */
  catchUp(): void {
    this.#generation = this.entry.generation
    this.#wrote = false
    this.#cookie = null
  }

  /** The live data is again what was committed last, for all who share it. */
  revert(): void {
    this.entry.revert()
    this.entry.generation++
    this.catchUp()
  }

  /** What was written has been committed. */
  written(): void {
    this.#wrote = false
  }

  /** The request is over. */
  letGo(): void {
    this.#isOver = true
    if (!this.#holdsObjects) return
    this.#holdsObjects = false
    this.entry.holders--
    if (!this.entry.destroyed) this.#left = this.entry.data
  }

  /**
   * What was done to objects of the session after the request was over counts only while they are the session's: of one
   * that nobody uses just the text is kept, and read anew.
   * @throws SessionClosedError when they are not, and have been changed
   */
  assertNotLeft(): void {
    const left = this.#left
    if (left === null || this.entry.destroyed || left === this.entry.data) return
    if (JSON.stringify(left) !== JSON.stringify(this.entry.data)) throw new SessionClosedError()
  }

  #touched(): void {
    this.entry.dirty = true
    this.#join()
    this.#wrote = true
  }

  /** The first change decides which generation the request's changes belong to. */
  #join(): void {
    if (this.#wrote || this.#holdsObjects) return
    this.#generation = this.entry.generation
  }
}

function maxAgeOf(settings: CookieSettings & { maxAge?: number | null }): number | null {
  return settings.originalMaxAge ?? settings.maxAge ?? null
}
