/** What `troupe/store` finds when it is made inside a web server. */
import type { SessionCalls } from '../../transport/session-calls.js'

/** The web server on this thread, as a store sees it. */
export interface StorePlace {
  /** Reach the sessions of the whole cluster. */
  readonly calls: SessionCalls
  /** Lifetime of a session whose cookie names none, ms. */
  readonly ttlMs: number
}

let here: StorePlace | null = null

/** An app is about to be loaded on this thread: its stores ask for this. */
export function announceStorePlace(place: StorePlace): void {
  here = place
}

/** @returns the web server on this thread, null outside of one */
export function storePlace(): StorePlace | null {
  return here
}
