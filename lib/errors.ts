/** The base of every error that Troupe throws: callers branch on `code`, never on the message or the class. */

/** Options of every {@link TroupeError}: the error that led to it, kept for logs. */
export interface TroupeErrorOptions {
  readonly cause?: unknown
}

/**
 * An error that a caller or an operator can tell apart by its stable `code`. The message says what was found,
 * what was expected and what to do.
 */
export abstract class TroupeError extends Error {
  /** Stable and upper case: what callers and operators go by. */
  abstract readonly code: string

  constructor(message: string, options: TroupeErrorOptions = {}) {
    super(message, options)
    this.name = new.target.name
  }
}
