/**
 * Keeps one actor alive: starting → running → down → starting again, with back-off, until it is stopped. It knows
 * nothing of partitions and requests; the director does what that takes in `onUp` and `onDown`.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { TroupeError } from '../../errors.js'
import { watchHeartbeat } from '../../transport/heartbeat.js'
import { asError } from '../../transport/wire-error.js'
import type { ActorState } from '../measured.js'
import { type ActorEnd, type ActorHandle, errorOfEnd } from './actor-handle.js'
import { RestartDelay } from './restart-delay.js'

/** Longest wait for an actor to stop when asked, ms: what directors give as `stopTimeoutMs`. */
export const STOP_MS = 5_000
/** Longest wait for the thread of an ended actor to be gone before the next is started, ms: it may sit in native code. */
const GONE_WAIT_MS = 2_000

/** What the supervisor itself asks of an actor. */
export interface Stoppable {
  stop(): Promise<void>
}

/** An actor was stopped before its first start had come to an end. */
export class StoppedAtStartError extends TroupeError {
  readonly code = 'STOPPED_AT_START'

  constructor(name: string) {
    super(`${name} was stopped while it was starting. Start it again if that was not meant.`)
  }
}

/** Options of {@link Supervisor}. */
export interface SupervisorOptions<T extends Stoppable> {
  /** Starts the actor's thread. */
  spawn(): ActorHandle<T>
  /**
   * A thread was spawned: makes an actor of it (start, connect, assign). It counts as running once this resolves; if it
   * rejects the actor is killed, and that error is how it ended. Heartbeats are watched only after it, since loading an
   * app blocks the event loop: give `control.start` a deadline of its own.
   */
  onUp(actor: ActorHandle<T>): Promise<void>
  /** The actor ended, for whatever reason; called once for each spawn, before the back-off. */
  onDown(end: ActorEnd, actor: ActorHandle<T>): void
  /** It is started again after this wait. @param restarts this one among them */
  onRestart?(waitMs: number, restarts: number): void
  /** An event loop that stands still for so long while the director's runs is ended, ms. */
  readonly hangTimeoutMs: number
  /** Longest wait for an actor to stop when asked; then it is killed, ms. */
  readonly stopTimeoutMs: number
  /**
   * A first start that fails is tried again like any other: right for an actor whose far side may not be there yet,
   * wrong for one whose failure an operator must mend. Default false.
   */
  readonly isPatient?: boolean
}

/** One actor's place in the cluster, through all its restarts. */
export class Supervisor<T extends Stoppable> {
  readonly #options: SupervisorOptions<T>
  readonly #delay = new RestartDelay()
  readonly #stopping = new AbortController()
  #state: ActorState = 'down'
  #actor: ActorHandle<T> | null = null
  #restarts = 0
  /** From the first start until nothing is kept alive any more. */
  #keeping: Promise<void> = Promise.resolve()

  constructor(options: SupervisorOptions<T>) {
    this.#options = options
  }

  get state(): ActorState {
    return this.#state
  }

  /** How often it was started again after it had ended. */
  get restarts(): number {
    return this.#restarts
  }

  /** The actor of this moment, from its spawn to its end; null while it is down. */
  get actor(): ActorHandle<T> | null {
    return this.#actor
  }

  /**
   * Starts the actor for the first time and keeps it alive from then on. Called once, or again after it has rejected.
   * Resolves when it is up for the first time.
   * @throws (as a rejection) why the first start failed; the actor is down then and stays so: what to do about that
   * is the director's decision. Of a patient one only {@link StoppedAtStartError}
   */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#keeping = this.#keepAlive(resolve, reject)
    })
  }

  /** Marks a running actor as draining, so that its state says so until it ends. */
  drain(): void {
    if (this.#state === 'running') this.#state = 'draining'
  }

  /** An actor that was to end stays. */
  undrain(): void {
    if (this.#state === 'draining') this.#state = 'running'
  }

  /** Ends the actor at once; another follows. Nothing happens while it is down. */
  kill(reason: string): void {
    this.#actor?.kill(reason)
  }

  /** Stops the actor in order, or kills it when it does not stop in time; another follows. */
  async replace(): Promise<void> {
    await this.#stopActor()
  }

  /** Stops the actor in order, or kills it; none follows. Resolves when its thread is gone. Idempotent. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    await this.#stopActor()
    await this.#keeping
  }

  async #keepAlive(firstIsUp: () => void, firstFailed: (why: Error) => void): Promise<void> {
    let life = await this.#liveOnce(firstIsUp)
    if (life.neverUp !== null && this.#options.isPatient !== true) return firstFailed(life.neverUp)
    while (true) {
      const waitMs = this.#delay.onEnd(life.ranMs)
      if (!this.#stopping.signal.aborted) this.#options.onRestart?.(waitMs, this.#restarts + 1)
      await this.#pause(waitMs)
      // Means nothing to a start that has succeeded.
      if (this.#stopping.signal.aborted) return firstFailed(new StoppedAtStartError(life.name))
      this.#restarts++
      life = await this.#liveOnce(firstIsUp)
    }
  }

  async #liveOnce(isUp: () => void): Promise<Life> {
    const actor = this.#options.spawn()
    this.#actor = actor
    this.#state = 'starting'
    const endAtStart = await this.#bringUp(actor)
    if (endAtStart !== null) actor.kill('it failed to start')
    const { end, ranMs } = endAtStart ? { end: endAtStart, ranMs: 0 } : await this.#run(actor, isUp)
    this.#actor = null
    this.#state = 'down'
    this.#options.onDown(end, actor)
    await settledWithin(actor.gone, GONE_WAIT_MS)
    const neverUp = endAtStart && (errorOfEnd(actor.name, end) ?? new StoppedAtStartError(actor.name))
    return { name: actor.name, ranMs, neverUp }
  }

  /** @returns null when the actor is up, otherwise how its start ended */
  #bringUp(actor: ActorHandle<T>): Promise<ActorEnd | null> {
    const up = this.#options.onUp(actor).then(
      () => null,
      (error: unknown) => ({ how: 'crashed', error: asError(error) }) as const,
    )
    return Promise.race([actor.ended, up])
  }

  async #run(actor: ActorHandle<T>, isUp: () => void): Promise<{ end: ActorEnd; ranMs: number }> {
    const upAt = performance.now()
    this.#state = 'running'
    const { hangTimeoutMs } = this.#options
    const unwatch = watchHeartbeat(actor.heartbeat, {
      hangTimeoutMs,
      onHang: () => actor.kill(`its event loop stood still for ${hangTimeoutMs} ms`),
    })
    isUp()
    const end = await actor.ended
    unwatch()
    return { end, ranMs: performance.now() - upAt }
  }

  async #stopActor(): Promise<void> {
    const actor = this.#actor
    if (actor === null) return
    this.#state = 'draining'
    const { stopTimeoutMs } = this.#options
    // The compiler can't see through the mapped type of a generic interface; T extends Stoppable says it holds.
    const { control } = actor as unknown as ActorHandle<Stoppable>
    const refusal = await control
      .within(stopTimeoutMs)
      .stop()
      .then(
        () => null,
        (error: unknown) => asError(error),
      )
    if (refusal === null) await settledWithin(actor.ended, stopTimeoutMs)
    // Nothing happens if it has ended, which is also what most refusals mean.
    actor.kill(refusal === null ? 'it kept running after its stop' : `it did not stop: ${refusal.message}`)
    await settledWithin(actor.gone, GONE_WAIT_MS)
  }

  async #pause(ms: number): Promise<void> {
    const { signal } = this.#stopping
    try {
      await wait(ms, undefined, { signal })
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}

/** One spawn of an actor, after it. */
interface Life {
  readonly name: string
  readonly ranMs: number
  /** Why it never came up; null when it did. */
  readonly neverUp: Error | null
}

/** Waits for a promise that never rejects, but no longer than `ms`. */
async function settledWithin(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise(resolve => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([promise, enough])
  clearTimeout(timer)
}
