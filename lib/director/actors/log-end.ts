/** What the log says of the end of an actor. */
import type { Logger } from 'pino'
import { type ActorEnd, errorOfEnd } from './actor-handle.js'

/** One line for each end: an error unless it was asked for. */
export function logEnd(log: Logger, name: string, end: ActorEnd): void {
  const error = errorOfEnd(name, end)
  if (error === undefined) log.info({ actor: name }, 'stopped')
  else log.error({ err: error, actor: name, how: end.how }, 'lost')
}
