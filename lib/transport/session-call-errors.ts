/** What can go wrong with a session call beside what can go wrong with a session. */
import { TroupeError } from '../errors.js'
import { fromWireError, toWireError, type WireError } from './wire-error.js'

/** A call names no session that there can be, or carries no session. */
export class SessionCallInvalidError extends TroupeError {
  readonly code = 'SESSION_CALL_INVALID'
}

/** `set` of a session that was destroyed: what is on its way from before must not bring it back (invariant 5). */
export class SessionEndedError extends TroupeError {
  readonly code = 'SESSION_ENDED'

  constructor() {
    super(
      'The session was destroyed, and nothing brings it back under the same id until its lifetime would have been ' +
        'over. Use a new id.',
    )
  }
}

/** More sessions of one value are alive than an index record can list: one more can't be found, so it can't begin. */
export class SessionIndexFullError extends TroupeError {
  readonly code = 'SESSION_INDEX_FULL'

  constructor(sessionsMax: number) {
    super(
      `${sessionsMax} live sessions share one indexed value, and no more can be found by it. Index something that ` +
        'fewer sessions share, or end some of them.',
    )
  }
}

/** Sessions were to be found by an index that is not configured, or by no index at all. */
export class SessionIndexUnknownError extends TroupeError {
  readonly code = 'SESSION_INDEX_UNKNOWN'

  constructor(found: string, known: readonly string[]) {
    const has =
      known.length === 0 ? 'session.indexes names none' : `session.indexes names ${known.join(', ')}`
    super(
      `Sessions can't be found by ${found}: ${has}. Ask with one or more of those, each with a text or a number.`,
    )
  }
}

/** Why the owner of a session could not carry a call out, as it told from its own thread. */
export class SessionCallFailedError extends TroupeError {
  readonly code: string

  constructor(wire: WireError) {
    super(wire.message, { cause: fromWireError(wire) })
    this.code = typeof wire.code === 'string' ? wire.code : 'SESSION_CALL_FAILED'
  }
}

/** @returns the error of a call as one that has a code, whatever it was */
export function asCallError(error: unknown): TroupeError {
  return error instanceof TroupeError ? error : new SessionCallFailedError(toWireError(error))
}
