/** How a control call can fail on this side; what fails on the far side arrives as it was thrown. */
import { TroupeError } from '../errors.js'

/** A control call reached an actor that has ended, or that ended before it answered. The cause says why it ended. */
export class ActorEndedError extends TroupeError {
  readonly code = 'ACTOR_ENDED'
  readonly actor: string
  readonly method: string

  constructor(actor: string, method: string, why: unknown) {
    super(
      `${actor} ended before it answered ${method}: expected a running actor. See the cause; its supervisor restarts it.`,
      why === undefined ? {} : { cause: why },
    )
    this.actor = actor
    this.method = method
  }
}

/** A control call was not answered in time. The actor may still carry it out. */
export class ControlDeadlineError extends TroupeError {
  readonly code = 'CONTROL_DEADLINE'
  readonly actor: string
  readonly method: string
  readonly deadlineMs: number

  constructor(actor: string, method: string, deadlineMs: number) {
    super(
      `${actor} did not answer ${method} within ${deadlineMs} ms. ` +
        'Its event loop may be blocked: look for long synchronous work, or give the call more time.',
    )
    this.actor = actor
    this.method = method
    this.deadlineMs = deadlineMs
  }
}

/** A control call named a method that the actor does not expose. */
export class UnknownControlMethodError extends TroupeError {
  readonly code = 'UNKNOWN_CONTROL_METHOD'

  constructor(method: string) {
    super(`This actor exposes no control method ${method}. Both sides must be of the same version of Troupe.`)
  }
}
