/** What the director holds of one actor: its control calls, its heartbeat and its end. */
import { TroupeError } from '../../errors.js'
import type { Control } from '../../transport/control.js'

/** How an actor ended. */
export type ActorEnd =
  /** It was asked to stop and did. */
  | { readonly how: 'stopped' }
  /** It died of an error: uncaught, thrown by its task, heap limit, or {@link ActorExitError}. */
  | { readonly how: 'crashed'; readonly error: Error }
  /** The director ended its thread. */
  | { readonly how: 'killed'; readonly reason: string }

/** One actor from spawn to end; a restarted actor gets a new handle. */
export interface ActorHandle<T> {
  readonly name: string
  readonly control: Control<T>
  /** The actor's heartbeat: see `transport/heartbeat.ts`. */
  readonly heartbeat: SharedArrayBuffer
  /** How it ended, as soon as that is known: its thread may still be running out. Never rejects. */
  readonly ended: Promise<ActorEnd>
  /** Its thread is gone, and with it all that it held. Later than `ended`. Never rejects. */
  readonly gone: Promise<void>
  /** Ends its thread at once, also in the middle of an endless loop. Nothing happens when it has ended already. */
  kill(reason: string): void
}

/** An actor's thread ended by itself without an error, such as by `process.exit`. */
export class ActorExitError extends TroupeError {
  readonly code = 'ACTOR_EXITED'
  readonly exitCode: number

  constructor(name: string, exitCode: number) {
    super(
      `The thread of ${name} exited with code ${exitCode}, where it should run until it is stopped. ` +
        'Look for process.exit() in the app.',
    )
    this.exitCode = exitCode
  }
}

/** The director ended an actor's thread. */
export class ActorKilledError extends TroupeError {
  readonly code = 'ACTOR_KILLED'
  readonly reason: string

  constructor(name: string, reason: string) {
    super(`${name} was killed: ${reason}.`)
    this.reason = reason
  }
}

/** @returns the error that explains an end, undefined when the actor was stopped as asked */
export function errorOfEnd(name: string, end: ActorEnd): Error | undefined {
  switch (end.how) {
    case 'stopped':
      return undefined
    case 'crashed':
      return end.error
    case 'killed':
      return new ActorKilledError(name, end.reason)
    default:
      return end satisfies never
  }
}
