/** Watches how busy the web servers are, and has their number changed as `autoscale-rule.ts` says. */
import type { Logger } from 'pino'
import type { ActorName } from '../replication/ids.js'
import type { WebServerControl } from '../transport/actor-control.js'
import type { ActorHandle } from './actors/actor-handle.js'
import type { Supervisor } from './actors/supervisor.js'
import { type AutoscaleBounds, AutoscaleRule } from './autoscale-rule.js'

/** Time between two samples, ms. */
const SAMPLE_MS = 1_000
/** Longest wait for the counters of a web server, ms. */
const STATS_DEADLINE_MS = 2_000

/** What autoscaling needs of the director. */
export interface AutoscaleOptions {
  readonly log: Logger
  /** Read at each sample; null while it is off. */
  readonly bounds: () => AutoscaleBounds | null
  readonly supervisors: () => ReadonlyMap<ActorName, Supervisor<WebServerControl>>
  /** Whether no command is under way. */
  readonly isIdle: () => boolean
  /** Changes the number of web servers. */
  readonly scale: (count: number) => Promise<unknown>
}

/** What an event loop has done so far, ms. */
interface LoopTimes {
  readonly actor: ActorHandle<WebServerControl>
  readonly activeMs: number
  readonly idleMs: number
}

export class Autoscale {
  readonly #options: AutoscaleOptions
  #rule: AutoscaleRule | null = null
  #timer: NodeJS.Timeout | undefined = undefined
  #before: ReadonlyMap<ActorName, LoopTimes> = new Map()
  #stopped = false

  constructor(options: AutoscaleOptions) {
    this.#options = options
  }

  /** Begins to watch. */
  start(): void {
    if (this.#stopped) return
    this.#timer = setTimeout(() => {
      void this.#sample().finally(() => this.start())
    }, SAMPLE_MS).unref()
  }

  stop(): void {
    this.#stopped = true
    clearTimeout(this.#timer)
  }

  /** The number of web servers has changed. */
  onChanged(): void {
    this.#rule?.onChanged(performance.now())
  }

  async #sample(): Promise<void> {
    const { bounds: boundsNow, isIdle, scale, log } = this.#options
    const bounds = boundsNow()
    if (bounds === null || !isIdle()) return
    this.#rule ??= new AutoscaleRule(bounds)
    this.#rule.bounds = bounds
    const utilizations = await this.#utilizations()
    if (utilizations === null || this.#stopped || !isIdle()) return
    const count = this.#rule.onSample(utilizations, performance.now())
    if (count === utilizations.length) return
    log.info({ from: utilizations.length, to: count, utilizations }, 'autoscale')
    await scale(count).catch((error: unknown) => {
      this.#rule?.onFailed(performance.now())
      if (!this.#stopped) log.error({ err: error }, 'autoscale failed')
    })
  }

  /** @returns null when not every web server has run since the last sample, or not every one answers */
  async #utilizations(): Promise<number[] | null> {
    const { supervisors } = this.#options
    const before = this.#before
    const now = new Map<ActorName, LoopTimes>()
    const all = [...supervisors()]
    await Promise.all(
      all.map(async ([name, { actor, state }]) => {
        if (actor === null || state !== 'running') return
        const stats = await actor.control
          .within(STATS_DEADLINE_MS)
          .stats()
          .catch(() => null)
        if (stats !== null) now.set(name, { actor, activeMs: stats.loopActiveMs, idleMs: stats.loopIdleMs })
      }),
    )
    this.#before = now
    const utilizations = [...now].flatMap(([name, times]) => {
      const earlier = before.get(name)
      return earlier?.actor === times.actor ? [utilizationBetween(earlier, times)] : []
    })
    return utilizations.length === all.length ? utilizations : null
  }
}

function utilizationBetween(earlier: LoopTimes, later: LoopTimes): number {
  const activeMs = later.activeMs - earlier.activeMs
  const totalMs = activeMs + later.idleMs - earlier.idleMs
  return totalMs > 0 ? activeMs / totalMs : 0
}
