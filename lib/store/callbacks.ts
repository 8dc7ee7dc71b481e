/** Every call of a store can be awaited, or answered through a callback. */

/** Called with an error, or with null and the answer. */
// biome-ignore lint/suspicious/noExplicitAny: session middleware types the errors of its callbacks so
export type StoreCallback<T = void> = (error?: any, answer?: T) => void

/** @returns the outcome, or nothing when a callback gets it */
export function answered<T>(
  outcome: Promise<T>,
  callback: StoreCallback<T> | undefined,
): Promise<T> | undefined {
  if (callback === undefined) return outcome
  // Out of the promise: what the callback throws is the app's uncaught error, not a rejection of ours.
  outcome.then(
    answer => process.nextTick(callback, null, answer),
    (error: unknown) => process.nextTick(callback, error),
  )
  return undefined
}
