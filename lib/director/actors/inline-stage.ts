/**
 * All actors on the thread of the director, for tests of apps: behind the same ports and control calls as on threads of
 * their own. What is missing is what only a thread can give: an actor that is killed is cut off from the others, while
 * what its app was doing goes on for nobody; none has a heap limit; and one that hangs, hangs all.
 */
import { MessageChannel } from 'node:worker_threads'
import type { ActorName } from '../../replication/ids.js'
import type { ActorTask } from '../../transport/actor-control.js'
import { controlOf } from '../../transport/control.js'
import { createEndGate } from '../../transport/end-gate.js'
import { createHeartbeat } from '../../transport/heartbeat.js'
import { asError } from '../../transport/wire-error.js'
import { type ActorEnd, type ActorHandle, errorOfEnd } from './actor-handle.js'
import {
  type ActorRoles,
  type ActorStage,
  CONTROL_DEADLINE_MS,
  type SpawnOptions,
  STAGE_DESTROYED,
} from './actor-stage.js'

/**
 * Runs an actor until it is stopped or killed.
 * @throws the error that it died of (as a rejection)
 */
export type RunActor = (task: ActorTask, killed: AbortSignal) => Promise<void>

export class InlineStage implements ActorStage {
  readonly #run: { readonly [R in keyof ActorRoles]: RunActor }
  readonly #actors = new Set<ActorHandle<unknown>>()
  #destroyed = false

  constructor(run: { readonly [R in keyof ActorRoles]: RunActor }) {
    this.#run = run
  }

  spawn<R extends keyof ActorRoles>({ role, name }: SpawnOptions<R>): ActorHandle<ActorRoles[R]> {
    const { port1, port2 } = new MessageChannel()
    const heartbeat = createHeartbeat()
    const killing = new AbortController()
    let settle: (end: ActorEnd) => void = () => undefined
    const ended = new Promise<ActorEnd>(resolve => {
      settle = resolve
    })
    this.#run[role](
      { name: name as ActorName, control: port2, heartbeat, endGate: createEndGate() },
      killing.signal,
    ).then(
      () => settle({ how: 'stopped' }),
      (error: unknown) => settle({ how: 'crashed', error: asError(error) }),
    )
    const handle: ActorHandle<ActorRoles[R]> = {
      name,
      control: controlOf(port1, {
        name,
        ended: ended.then(end => errorOfEnd(name, end)),
        deadlineMs: CONTROL_DEADLINE_MS,
      }),
      heartbeat,
      ended,
      gone: ended.then(() => undefined),
      kill: reason => {
        settle({ how: 'killed', reason })
        killing.abort()
      },
    }
    this.#actors.add(handle)
    void ended.then(() => this.#actors.delete(handle))
    if (this.#destroyed) handle.kill(STAGE_DESTROYED)
    return handle
  }

  async destroy(): Promise<void> {
    this.#destroyed = true
    const actors = [...this.#actors]
    for (const actor of actors) actor.kill(STAGE_DESTROYED)
    await Promise.all(actors.map(actor => actor.gone))
  }
}
