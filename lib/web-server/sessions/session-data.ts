/** What an app declares of its sessions. */

/**
 * The members of the app's sessions. Extend it by declaration merging:
 * `declare module 'troupe' { interface SessionData { cart: string[] } }`
 */
// biome-ignore lint/suspicious/noEmptyInterface: an interface, since only an interface can be merged into
export interface SessionData {}
