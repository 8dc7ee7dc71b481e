/** The cookie of one session: the interface that express-session's users know, with Troupe's defaults. */
import { stringifySetCookie } from 'cookie'
import type { SessionConfig } from '../../config/schema.js'

/** What a cookie is made of, with {@link CookieSettings.secure} already decided for the request at hand. */
export interface CookieSettings {
  path: string
  domain?: string | undefined
  httpOnly: boolean
  secure: boolean
  sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined
  partitioned: boolean
  priority?: 'low' | 'medium' | 'high' | undefined
  /** Lifetime of the cookie and the session, ms; null for a browser-session cookie. */
  originalMaxAge: number | null
}

/** The lifetime and attributes of a session's cookie. Assign to change them for this session. */
export class Cookie implements CookieSettings {
  path: string
  domain?: string | undefined
  httpOnly: boolean
  secure: boolean
  sameSite?: boolean | 'lax' | 'strict' | 'none' | undefined
  partitioned: boolean
  priority?: 'low' | 'medium' | 'high' | undefined
  #originalMaxAge: number | null = null
  #expires: Date | null = null
  readonly #now: () => number

  /** @param expires when its lifetime ends, if that has begun already; otherwise it begins now */
  constructor(settings: CookieSettings, now: () => number = Date.now, expires: Date | null = null) {
    this.#now = now
    this.path = settings.path
    this.domain = settings.domain
    this.httpOnly = settings.httpOnly
    this.secure = settings.secure
    this.sameSite = settings.sameSite
    this.partitioned = settings.partitioned
    this.priority = settings.priority
    this.maxAge = settings.originalMaxAge
    if (expires !== null && this.#expires !== null) this.#expires = expires
  }

  /** The lifetime as it was set, ms; null for a browser-session cookie. */
  get originalMaxAge(): number | null {
    return this.#originalMaxAge
  }
  set originalMaxAge(ms: number | null) {
    this.maxAge = ms
  }

  /** What is left of the lifetime, ms; null for a browser-session cookie. Setting it begins a new lifetime. */
  get maxAge(): number | null {
    return this.#expires === null ? null : this.#expires.getTime() - this.#now()
  }
  set maxAge(ms: number | null | undefined) {
    if (ms === null || ms === undefined) {
      this.#originalMaxAge = null
      this.#expires = null
      return
    }
    const expires = new Date(typeof ms === 'number' ? this.#now() + ms : Number.NaN)
    // Beyond what a Date holds, too: no cookie can say it, and not every session server can keep it.
    if (Number.isNaN(expires.getTime())) {
      throw new TypeError(`cookie.maxAge is ${String(ms)}; a number of ms or null is expected`)
    }
    this.#originalMaxAge = ms
    this.#expires = expires
  }

  /** When the cookie ends; null for a browser-session cookie. */
  get expires(): Date | null {
    return this.#expires
  }
  set expires(date: Date | null | false | undefined) {
    this.maxAge = date instanceof Date ? date.getTime() - this.#now() : null
  }

  /** As {@link expires}: what apps that know express-session's internals look for. */
  get _expires(): Date | null {
    return this.#expires
  }
  set _expires(date: Date | null | false | undefined) {
    this.expires = date
  }

  /** Everything as plain data. */
  get data(): CookieSettings & { expires: Date | null } {
    return {
      originalMaxAge: this.originalMaxAge,
      expires: this.expires,
      path: this.path,
      domain: this.domain,
      httpOnly: this.httpOnly,
      secure: this.secure,
      sameSite: this.sameSite,
      partitioned: this.partitioned,
      priority: this.priority,
    }
  }

  /** @returns a Set-Cookie value */
  serialize(name: string, value: string): string {
    return stringifySetCookie({
      name,
      value,
      path: this.path,
      httpOnly: this.httpOnly,
      secure: this.secure,
      partitioned: this.partitioned,
      ...(this.#expires === null ? {} : { expires: this.#expires }),
      ...(this.domain ? { domain: this.domain } : {}),
      ...(this.sameSite ? { sameSite: this.sameSite } : {}),
      ...(this.priority ? { priority: this.priority } : {}),
    })
  }

  toJSON(): CookieSettings & { expires: Date | null } {
    return this.data
  }
}

/** The cookie that the configuration asks for. @param encrypted decides `secure: "auto"` */
export function defaultCookie(config: SessionConfig['cookie'], encrypted: boolean): CookieSettings {
  return {
    path: config.path,
    domain: config.domain ?? undefined,
    httpOnly: config.httpOnly,
    secure: config.secure === 'auto' ? encrypted : config.secure,
    sameSite: config.sameSite ?? undefined,
    partitioned: config.partitioned,
    priority: undefined,
    originalMaxAge: config.maxAgeMs,
  }
}

/** @returns what of a cookie differs from its defaults as JSON text, null when nothing does */
export function customisation(cookie: CookieSettings, defaults: CookieSettings): string | null {
  const changes: Record<string, unknown> = {}
  for (const key of SETTINGS) {
    // A cleared member is kept as null: JSON has no undefined, and its default must not come back.
    if (cookie[key] !== defaults[key]) changes[key] = cookie[key] ?? null
  }
  return Object.keys(changes).length === 0 ? null : JSON.stringify(changes)
}

/** The opposite of {@link customisation}. What no cookie can be is ignored: the text comes from a session server. */
export function customised(text: string | null, defaults: CookieSettings): CookieSettings {
  if (text === null) return defaults
  const changes: unknown = JSON.parse(text)
  const settings: Record<string, unknown> = { ...defaults }
  if (typeof changes === 'object' && changes !== null) {
    for (const key of SETTINGS) {
      if (!Object.hasOwn(changes, key)) continue
      const value = (changes as Record<string, unknown>)[key]
      if (!isSetting(key, value)) continue
      settings[key] = key === 'originalMaxAge' ? value : (value ?? undefined)
    }
  }
  // Read back from a text that `customisation` wrote.
  return settings as unknown as CookieSettings
}

function isSetting(key: (typeof SETTINGS)[number], value: unknown): boolean {
  switch (key) {
    case 'path':
      return typeof value === 'string'
    case 'httpOnly':
    case 'secure':
    case 'partitioned':
      return typeof value === 'boolean'
    case 'originalMaxAge':
      return value === null || (typeof value === 'number' && Math.abs(value) <= MAX_AGE_MAX_MS)
    default:
      return value === null || typeof value === 'string' || (key === 'sameSite' && typeof value === 'boolean')
  }
}

/** From today on a Date holds twice that. */
const MAX_AGE_MAX_MS = 4e15

const SETTINGS = [
  'path',
  'domain',
  'httpOnly',
  'secure',
  'sameSite',
  'partitioned',
  'priority',
  'originalMaxAge',
] as const satisfies readonly (keyof CookieSettings)[]
