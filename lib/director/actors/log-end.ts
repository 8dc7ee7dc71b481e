/** What the log says of the end of an actor, and of what follows. */
import type { Logger } from 'pino'
import { type ActorEnd, errorOfEnd } from './actor-handle.js'

/** One line for each end: an error unless it was asked for. */
export function logEnd(log: Logger, name: string, end: ActorEnd): void {
  const error = errorOfEnd(name, end)
  if (error === undefined) log.info({ actor: name }, 'stopped')
  else log.error({ err: error, actor: name, how: end.how }, 'lost')
}

/** One line for each time that it is started again. @param restarts this one among them */
export function logRestart(log: Logger, name: string, waitMs: number, restarts: number): void {
  log.info({ actor: name, restarts, waitMs }, 'is started again')
}
