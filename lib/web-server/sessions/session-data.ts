/** What an app declares of its sessions, and `req.session` on Node's own request type. */
import type { Session } from './session.js'

/**
 * The members of the app's sessions. Extend it by declaration merging:
 * `declare module 'troupe' { interface SessionData { cart: string[] } }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: an interface, since only an interface can be merged into
export interface SessionData {}

declare module 'http' {
  interface IncomingMessage {
    /** The session of this request; undefined after `destroy()`. */
    session: Session
    /** The id behind {@link session}. */
    sessionID: string
  }
}
