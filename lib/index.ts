/** The public API of Troupe, and nothing else is public. */
export { TroupeError } from './errors.js'
export type { SessionInfo, SessionQuery, Sessions } from './transport/session-call-register.js'
export type { AppContext } from './web-server/adapters/app-context.js'
export { getSession } from './web-server/adapters/fetch.js'
export type { Session, SessionCallback } from './web-server/sessions/session.js'
export { Cookie } from './web-server/sessions/session-cookie.js'
// With a star, not by name: only so can an app extend SessionData by `declare module 'troupe'`.
export * from './web-server/sessions/session-data.js'
