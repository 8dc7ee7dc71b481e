/**
 * How `troupe/store` knows that it is inside a web server: a store is made while the app is loaded, before there are
 * any sessions to be had.
 */

/** What a store needs to know of the web server on its thread. */
export interface StorePlace {
  /** Lifetime of a session whose cookie names none, ms. */
  readonly ttlMs: number
}

let here: StorePlace | null = null

/** An app is about to be loaded on this thread. */
export function announceStorePlace(place: StorePlace): void {
  here = place
}

/** @returns the web server on this thread, null outside of one */
export function storePlace(): StorePlace | null {
  return here
}
