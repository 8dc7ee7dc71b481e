/** Where actors run, as whoever starts them sees it. */
import type { ResourceLimits } from 'node:worker_threads'
import type { SessionServerControl, WebServerControl } from '../../transport/actor-control.js'
import type { ActorHandle } from './actor-handle.js'

/** The kinds of actor and what each exposes. */
export interface ActorRoles {
  readonly 'web-server': WebServerControl
  readonly 'session-server': SessionServerControl
}

/** What {@link ActorStage.spawn} needs. */
export interface SpawnOptions<R> {
  readonly role: R
  readonly name: string
  /** Limits of its thread, such as `maxOldGenerationSizeMb`; Node's own when left out. */
  readonly resourceLimits?: ResourceLimits
}

/** All actors of one cluster in this process: each on a thread of its own, or all on this one. */
export interface ActorStage<Roles extends { readonly [R in keyof Roles]: object } = ActorRoles> {
  /** Starts an actor. Returns at once; whatever goes wrong shows in the handle's `ended`. */
  spawn<R extends keyof Roles>(options: SpawnOptions<R>): ActorHandle<Roles[R]>
  /** Kills every actor that is left, and any that is spawned later; waits until none is left. */
  destroy(): Promise<void>
}

/** How long the answer to a control call may take an event loop that runs, ms: far above a busy one. */
export const CONTROL_DEADLINE_MS = 5_000

/** Why actors are killed that are left, or that come late. */
export const STAGE_DESTROYED = 'the stage is destroyed'
