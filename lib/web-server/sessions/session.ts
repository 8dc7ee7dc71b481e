/**
 * `req.session`: express-session's interface over live data that all concurrent requests of the session share. Each
 * request has a view of its own, which notes whether the request looked, wrote, or was handed an object that it may
 * change unseen. So a request that never looks costs nothing, and one that only reads strings and numbers is not
 * serialized.
 */
import { inspect } from 'node:util'
import type { Cookie, CookieSettings } from './session-cookie.js'
import type { SessionData } from './session-data.js'
import type { SessionHold } from './session-hold.js'

declare module 'http' {
  interface IncomingMessage {
    /** The session of this request; undefined after `destroy()`. */
    session: Session
    /** The id behind {@link session}. */
    sessionID: string
  }
}

/** Called with the error, or with null. */
export type SessionCallback = (error?: Error | null) => void

/** What every session can do. Its members are the app's. */
export interface SessionMethods {
  /** The session's id, without signature. */
  readonly id: string
  /** Lifetime and attributes of the session's cookie; assign to its members to change them for this session. */
  cookie: Cookie
  /**
   * Commits the changes now; done when enough session servers hold them. Only needed to know that before going on:
   * responses wait for it anyway.
   */
  save(): Promise<void>
  save(callback: SessionCallback): this
  /** Drops unsaved changes. Fails with SESSION_IN_USE while another request uses the session. */
  reload(): Promise<void>
  reload(callback: SessionCallback): this
  /** Destroys the session and puts a new, empty one with a new id at `req.session`: at login, against fixation. */
  regenerate(): Promise<void>
  regenerate(callback: SessionCallback): this
  /** Ends the session: `req.session` is undefined from here on, and the browser's cookie is cleared. */
  destroy(): Promise<void>
  destroy(callback: SessionCallback): this
  /** Begins a new lifetime of the cookie. Seldom needed: using the session keeps it alive. */
  touch(): this
  /** As {@link touch}. */
  resetMaxAge(): this
}

/** The session of a request. */
export type Session = SessionMethods & Partial<SessionData>

/** What the methods of a session do, for the request that the view belongs to. */
export interface SessionActions {
  save(hold: SessionHold): Promise<void>
  reload(hold: SessionHold): Promise<void>
  regenerate(hold: SessionHold): Promise<void>
  destroy(hold: SessionHold): Promise<void>
}

/** @returns one request's view of a session */
export function createSession(hold: SessionHold, actions: SessionActions): Session {
  const view = new SessionView(hold, actions)
  // The boundary between the app's typed members and ours: the proxy answers for all of them.
  const session = new Proxy(new Shown(), view) as Session
  view.session = session
  return session
}

const METHODS: ReadonlySet<PropertyKey> = new Set([
  'save',
  'reload',
  'regenerate',
  'destroy',
  'touch',
  'resetMaxAge',
] as const)

/** Behind the proxy: `console.log` looks at this object, not at what the proxy answers. */
class Shown {
  [inspect.custom](): object {
    return { ...this }
  }
}

class SessionView implements ProxyHandler<object> {
  session: Session | null = null
  readonly #hold: SessionHold
  readonly #actions: SessionActions

  constructor(hold: SessionHold, actions: SessionActions) {
    this.#hold = hold
    this.#actions = actions
  }

  get(target: object, key: PropertyKey): unknown {
    if (typeof key !== 'string') return Reflect.get(target, key)
    if (key === 'id') return this.#hold.entry.id
    if (key === 'cookie') return this.#cookie()
    if (METHODS.has(key)) return this.#method(key)
    const data = this.#hold.look()
    return Object.hasOwn(data, key) ? this.#hold.handOut(data[key]) : Reflect.get(target, key)
  }

  set(target: object, key: PropertyKey, value: unknown): boolean {
    // A symbol is no JSON key: it stays with this request.
    if (typeof key !== 'string') return Reflect.set(target, key, value)
    if (key === 'id' || METHODS.has(key)) return false
    if (key === 'cookie') {
      if (typeof value !== 'object' || value === null) return false
      this.#hold.cookie = value as Cookie & CookieSettings
    } else this.#hold.write(key, value)
    return true
  }

  has(target: object, key: PropertyKey): boolean {
    if (typeof key !== 'string') return Reflect.has(target, key)
    return isReserved(key) || Object.hasOwn(this.#hold.look(), key) || Reflect.has(target, key)
  }

  deleteProperty(target: object, key: PropertyKey): boolean {
    if (typeof key !== 'string') return Reflect.deleteProperty(target, key)
    if (isReserved(key)) return false
    this.#hold.delete(key)
    return true
  }

  ownKeys(target: object): (string | symbol)[] {
    return ['cookie', ...Object.keys(this.#hold.look()), ...Object.getOwnPropertySymbols(target)]
  }

  getOwnPropertyDescriptor(target: object, key: PropertyKey): PropertyDescriptor | undefined {
    if (typeof key !== 'string') return Reflect.getOwnPropertyDescriptor(target, key)
    if (key === 'cookie') return member(this.#cookie())
    const data = this.#hold.look()
    return Object.hasOwn(data, key) ? member(this.#hold.handOut(data[key])) : undefined
  }

  defineProperty(target: object, key: PropertyKey, descriptor: PropertyDescriptor): boolean {
    if (typeof key !== 'string') return Reflect.defineProperty(target, key, descriptor)
    return (
      'value' in descriptor && descriptor.configurable !== false && this.set(target, key, descriptor.value)
    )
  }

  preventExtensions(): boolean {
    return false
  }

  #cookie(): Cookie {
    this.#hold.look()
    return this.#hold.cookie
  }

  #method(key: string): unknown {
    switch (key) {
      case 'touch':
      case 'resetMaxAge':
        return () => {
          const cookie = this.#cookie()
          cookie.maxAge = cookie.originalMaxAge
          return this.session
        }
      default:
        return (callback?: SessionCallback) => {
          const outcome = this.#actions[key as keyof SessionActions](this.#hold)
          return callback === undefined ? outcome : this.#call(callback, outcome)
        }
    }
  }

  #call(callback: SessionCallback, outcome: Promise<void>): Session | null {
    // Out of the promise: what the callback throws is the app's uncaught error, not a rejection of ours.
    outcome.then(
      () => process.nextTick(callback, null),
      (error: Error) => process.nextTick(callback, error),
    )
    return this.session
  }
}

function isReserved(key: string): boolean {
  return key === 'id' || key === 'cookie' || METHODS.has(key)
}

function member(value: unknown): PropertyDescriptor {
  return { value, writable: true, enumerable: true, configurable: true }
}
