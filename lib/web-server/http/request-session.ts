/**
 * `req.session` and `req.sessionID`: accessors on node's own IncomingMessage, since frameworks re-parent requests and a
 * property defined for each request would cost each request.
 */
import { IncomingMessage } from 'node:http'
import type { Session } from '../sessions/session.js'
import type { SessionUse } from '../sessions/session-use.js'

const kUse = Symbol('session use')

interface WithUse {
  [kUse]?: SessionUse
}

/** Lets `req.session` reach this hold on a session. */
export function attachSession(req: IncomingMessage, use: SessionUse): void {
  ;(req as WithUse)[kUse] = use
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

function own(target: object, name: string, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: true, enumerable: true, configurable: true })
}
