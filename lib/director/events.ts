/** The events of a running cluster, by name, with what their listeners get. */
import type { EventEmitter } from 'node:events'
import type { Observed } from './measured.js'
import type { Observations } from './observations.js'
import type { ClusterSessionEvents } from './session-events.js'

/** What happens to actors and partitions: see {@link Observed}. */
type ObservedEvents = {
  readonly [Type in Observed['type']]: [event: Omit<Extract<Observed, { readonly type: Type }>, 'type'>]
}

/** Everything that `cluster.on` knows. */
export type ClusterEvents = ObservedEvents &
  ClusterSessionEvents & {
    /** It serves: once, after `start` has resolved. */
    readonly ready: []
    /** Every actor has ended, and nothing listens any more: once, after `stop` has resolved. */
    readonly stopped: []
  }

/**
 * Passes on what is observed. Listeners run out of the director's own call stack, so that one that throws, which is an
 * uncaught exception of its program as with any emitter, does not stop the director half way.
 */
export function emitObserved(observations: Observations, emitter: EventEmitter): void {
  observations.listen(({ type, ...event }) => emitSoon(emitter, type, event))
}

/** See {@link emitObserved}. */
export function emitSoon(emitter: EventEmitter, name: keyof ClusterEvents, ...args: unknown[]): void {
  setImmediate(() => emitter.emit(name, ...args))
}
