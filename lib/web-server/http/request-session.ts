/**
 * `req.session` and `req.sessionID`: accessors on node's own IncomingMessage, since frameworks re-parent requests and a
 * property defined for each request would cost each request.
 *
 * An app that keeps a session middleware of its own over `troupe/store` wants none of this: see {@link standAside}.
 */
import { IncomingMessage } from 'node:http'
import type { Session } from '../sessions/session.js'
import type { Opened, SessionOpener, SessionUse } from '../sessions/session-use.js'

const kUse = Symbol('session use')

interface WithUse {
  [kUse]?: SessionUse
}

let isAside = false

/**
 * The app in this thread manages its sessions itself, through `troupe/store`: from here on `req.session` is undefined
 * until its middleware assigns it (express-session skips requests that have one), and requests open no session.
 */
export function standAside(): void {
  isAside = true
}

/** @returns an opener that opens nothing once this thread {@link standAside | stands aside} */
export function unlessAside(opener: SessionOpener): SessionOpener {
  return { open: request => (isAside ? NOTHING_OPENED : opener.open(request)) }
}

/** Lets `req.session` reach this hold on a session. */
export function attachSession(req: IncomingMessage, use: SessionUse): void {
  if (use !== NO_USE) (req as WithUse)[kUse] = use
}

/** Defines the accessors in this thread. Idempotent. Requests without a session (of an http client, say) stay plain. */
export function installRequestSession(): void {
  if (Object.hasOwn(IncomingMessage.prototype, 'session')) return
  Object.defineProperty(IncomingMessage.prototype, 'session', {
    configurable: true,
    get(this: WithUse): Session | undefined {
      return this[kUse]?.session
    },
    set(this: WithUse, value: Session | undefined) {
      const use = this[kUse]
      if (use === undefined) own(this, 'session', value)
      else use.session = value
    },
  })
  Object.defineProperty(IncomingMessage.prototype, 'sessionID', {
    configurable: true,
    get(this: WithUse): string | undefined {
      return this[kUse]?.sessionId
    },
    set(this: WithUse, value: unknown) {
      own(this, 'sessionID', value)
    },
  })
}

/** The hold of a request whose app manages its sessions itself: sets no cookie, saves nothing, waits for nothing. */
const NO_USE: SessionUse = {
  session: undefined,
  sessionId: '',
  head: () => null,
  end: () => {},
  stay: () => {},
  acknowledged: () => null,
  close: () => {},
}

const NOTHING_OPENED: Opened = { type: 'opened', use: NO_USE }

function own(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}
