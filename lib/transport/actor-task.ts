/** An actor's life on its own thread, from its side: beat, answer control calls, end. */
import type { ActorTask } from './actor-control.js'
import { exposeControl } from './control.js'
import { startHeartbeat } from './heartbeat.js'
import { sendOutputAtOnce } from './thread-output.js'
import { toWireError, type WireError } from './wire-error.js'

/** What the task of an actor answers: null when it was stopped, or the error that it died of. */
export type TaskOutcome = WireError | null

/** Ends an actor once the control call under way was answered: stopped, or dead of an error. */
export type EndActor = (error?: Error) => void

/**
 * Runs an actor: its heart beats and its control calls are answered until it is ended.
 * @param makeControl makes what the actor exposes; it gets the function that ends the actor
 * @throws the error with which the actor was ended (as a rejection)
 */
export function runActor<T extends object>(
  task: ActorTask,
  makeControl: (end: EndActor) => T,
): Promise<void> {
  const stopHeartbeat = startHeartbeat(task.heartbeat)
  return new Promise<void>((resolve, reject) => {
    // A turn of the event loop later, so that the answer to `stop` is on its way before the thread goes.
    const end: EndActor = error => void setImmediate(() => (error === undefined ? resolve() : reject(error)))
    exposeControl(task.control, makeControl(end))
  }).finally(stopHeartbeat)
}

/**
 * Thread entry: runs an actor and tells how it went in a form that keeps the error's code, cause and fields.
 * @param run loads and runs the actor; loading it only here lets source maps apply to it
 */
export async function taskOutcome(run: () => Promise<void>): Promise<TaskOutcome> {
  process.setSourceMapsEnabled(true)
  sendOutputAtOnce()
  try {
    await run()
    return null
  } catch (error) {
    return toWireError(error)
  }
}
