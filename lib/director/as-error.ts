/** What was caught, as an error. */

/** @returns the error itself, or one that says what else was thrown */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error
    ? thrown
    : new Error(`something was thrown that is no error: ${String(thrown)}`)
}
