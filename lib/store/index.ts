/** `troupe/store`: Troupe's sessions as the store of other session middleware. */
export type { StoreCallback } from './callbacks.js'
export type { KoaMaxAge, KoaSaveHints, KoaSessionStore } from './koa-store.js'
export type { OwnSessionsOptions as TroupeStoreOptions } from './session-access.js'
export type { StoredCookie, StoredData } from './stored-data.js'
export { type ListedSession, TroupeStore } from './troupe-store.js'
