/**
 * Where actors run: each on a worker thread of its own. The only file that touches Piscina.
 *
 * Every actor gets its own pool of at most one thread, made when the actor is spawned and destroyed when it ends.
 * A shared pool would hand an ended actor's thread, with its module state, to the next actor; would give all actors
 * the same resource limits; and could not tell whose thread failed before its task had begun.
 */
import { fileURLToPath } from 'node:url'
import { MessageChannel, type ResourceLimits, type Worker } from 'node:worker_threads'
import { Piscina } from 'piscina'
import type { ActorName } from '../../replication/ids.js'
import type { ActorTask } from '../../transport/actor-control.js'
import type { TaskOutcome } from '../../transport/actor-task.js'
import { controlOf } from '../../transport/control.js'
import { createEndGate } from '../../transport/end-gate.js'
import { createHeartbeat } from '../../transport/heartbeat.js'
import { asError, fromWireError } from '../../transport/wire-error.js'
import { type ActorOutput, passOutput } from '../logs/actor-output.js'
import { type ActorEnd, ActorExitError, type ActorHandle, errorOfEnd } from './actor-handle.js'
import {
  type ActorRoles,
  type ActorStage,
  CONTROL_DEADLINE_MS,
  type SpawnOptions,
  STAGE_DESTROYED,
} from './actor-stage.js'
import { endWhenClear, guardAtExit, unguardAtExit } from './end-thread.js'

export { CONTROL_DEADLINE_MS } from './actor-stage.js'

/** The thread entry of each role: a module whose default export takes an {@link ActorTask}. */
export type WorkerFiles<Roles> = { readonly [R in keyof Roles]: URL }

/** Troupe's own thread entries, as compiled. */
export const WORKER_FILES: WorkerFiles<ActorRoles> = {
  'web-server': new URL('../../../workers/web-server.js', import.meta.url),
  'session-server': new URL('../../../workers/session-server.js', import.meta.url),
}

/** All actor threads of this process. */
export class Stage<Roles extends { readonly [R in keyof Roles]: object } = ActorRoles>
  implements ActorStage<Roles>
{
  readonly #files: WorkerFiles<Roles>
  readonly #controlDeadlineMs: number
  readonly #output: ActorOutput | undefined
  /** Actors whose threads are not gone yet. */
  readonly #actors = new Set<ActorHandle<unknown>>()
  #destroyed = false

  /**
   * @param controlDeadlineMs longest wait for the answer to a control call that names no deadline of its own
   * @param output takes what actors print; without it that is printed as it is
   */
  constructor(files: WorkerFiles<Roles>, controlDeadlineMs = CONTROL_DEADLINE_MS, output?: ActorOutput) {
    this.#files = files
    this.#controlDeadlineMs = controlDeadlineMs
    this.#output = output
  }

  /** Starts an actor's thread. Returns at once; whatever goes wrong shows in the handle's `ended`. */
  spawn<R extends keyof Roles>(options: SpawnOptions<R>): ActorHandle<Roles[R]> {
    const { port1, port2 } = new MessageChannel()
    const heartbeat = createHeartbeat()
    const task: ActorTask = {
      name: options.name as ActorName,
      control: port2,
      heartbeat,
      endGate: createEndGate(),
    }
    const file = fileURLToPath(this.#files[options.role])
    const thread = new ActorThread(file, task, options.resourceLimits, this.#output)
    const why = thread.ended.then(end => errorOfEnd(options.name, end))
    const handle: ActorHandle<Roles[R]> = {
      name: options.name,
      control: controlOf(port1, { name: options.name, ended: why, deadlineMs: this.#controlDeadlineMs }),
      heartbeat,
      ended: thread.ended,
      gone: thread.gone,
      kill: reason => thread.end({ how: 'killed', reason }),
    }
    this.#actors.add(handle)
    void thread.gone.then(() => this.#actors.delete(handle))
    if (this.#destroyed) handle.kill(STAGE_DESTROYED)
    return handle
  }

  /** Kills every actor that is left, and any that is spawned later; waits until no thread is left. */
  async destroy(): Promise<void> {
    this.#destroyed = true
    const actors = [...this.#actors]
    for (const actor of actors) actor.kill(STAGE_DESTROYED)
    await Promise.all(actors.map(actor => actor.gone))
  }
}

/** One actor's thread, and the first thing that ended it. */
class ActorThread {
  readonly ended: Promise<ActorEnd>
  readonly gone: Promise<void>
  readonly #pool: Piscina<ActorTask, TaskOutcome>
  readonly #endGate: SharedArrayBuffer
  #settleEnded: (end: ActorEnd) => void = () => undefined

  constructor(
    file: string,
    task: ActorTask,
    resourceLimits: ResourceLimits | undefined,
    output: ActorOutput | undefined,
  ) {
    this.ended = new Promise(resolve => {
      this.#settleEnded = resolve
    })
    this.#endGate = task.endGate
    this.#pool = new Piscina<ActorTask, TaskOutcome>({
      minThreads: 0,
      maxThreads: 1,
      // "sync" would make the thread wait for its next task instead of running its event loop.
      atomics: 'disabled',
      recordTiming: false,
      ...(resourceLimits === undefined ? {} : { resourceLimits }),
    })
    // A thread that fails before its task has begun; without a listener the event would end this process.
    this.#pool.on('error', (error: unknown) => this.end(crashed(error)))
    this.#run(file, task).then(
      outcome => this.end(outcome === null ? { how: 'stopped' } : crashed(fromWireError(outcome))),
      (error: unknown) => this.end(crashed(error)),
    )
    this.gone = this.#watch(this.#pool.threads[0], task.name, output)
  }

  /** Ends the thread, wherever that harms nothing else. The first end counts, later ones change nothing. */
  end(end: ActorEnd): void {
    this.#settleEnded(end)
    // Rather than aborting the task: this also ends a thread that is still starting, or that is idle again.
    endWhenClear(this.#endGate, () => void this.#pool.destroy())
  }

  // Async, so that a thread that can't be made (bad resource limits) is a rejection as well. The file is named here
  // and not in the pool's options, where an error in it would leave the task queued for ever.
  async #run(file: string, task: ActorTask): Promise<TaskOutcome> {
    return await this.#pool.run(task, { filename: file, transferList: [task.control] })
  }

  /** Piscina tells neither an exit code nor when a thread is gone; the thread itself does. */
  async #watch(thread: Worker | undefined, name: string, output: ActorOutput | undefined): Promise<void> {
    if (thread === undefined) return
    guardAtExit(this.#endGate)
    const passRest = output === undefined ? undefined : passOutput(name, thread, output)
    thread.once('error', error => this.end(crashed(error)))
    const exitCode = await new Promise<number>(resolve => thread.once('exit', resolve))
    unguardAtExit(this.#endGate)
    this.end({ how: 'crashed', error: new ActorExitError(name, exitCode) })
    await passRest?.()
  }
}

/** Node revives an uncaught error with its code, fields and cause, but what was thrown need not be an Error. */
function crashed(thrown: unknown): ActorEnd {
  return { how: 'crashed', error: asError(thrown) }
}
