/**
 * What `troupe/store` finds when it is made inside a web server. Kept at the thread's global object, not in this module:
 * the app may have installed a copy of Troupe of its own beside the one that runs it.
 */
import type { SessionCalls } from '../../transport/session-calls.js'

/** The web server on this thread, as a store sees it. */
export interface StorePlace {
  /** Reach the sessions of the whole cluster. */
  readonly calls: SessionCalls
  /** Lifetime of a session whose cookie names none, ms. */
  readonly ttlMs: number
  /** Takes Troupe's own `req.session` out of the way of the app's middleware. */
  readonly standAside: () => void
}

const kPlace = Symbol.for('troupe.store-place')

interface WithPlace {
  [kPlace]?: StorePlace
}

/** An app is about to be loaded on this thread: its stores ask for this. */
export function announceStorePlace(place: StorePlace): void {
  ;(globalThis as WithPlace)[kPlace] = place
}

/** @returns the web server on this thread, null outside of one */
export function storePlace(): StorePlace | null {
  return (globalThis as WithPlace)[kPlace] ?? null
}
