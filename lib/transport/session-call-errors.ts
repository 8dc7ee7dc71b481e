/** What can go wrong with a session call beside what can go wrong with a session. */
import { TroupeError } from '../errors.js'
import { fromWireError, type WireError } from './wire-error.js'

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

/** Why the owner of a session could not carry a call out, as it told from its own thread. */
export class SessionCallFailedError extends TroupeError {
  readonly code: string

  constructor(wire: WireError) {
    super(wire.message, { cause: fromWireError(wire) })
    this.code = typeof wire.code === 'string' ? wire.code : 'SESSION_CALL_FAILED'
  }
}
