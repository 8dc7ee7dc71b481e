/**
 * What happened in the cluster, for whoever watches: an event for each thing an operator cares about, and how long
 * takeovers took. It hears of what others decide and decides nothing.
 */
import type { ActorName, Partition } from '../replication/ids.js'
import { DurationHistogram } from '../transport/histogram.js'
import { type ActorEnd, errorOfEnd } from './actors/actor-handle.js'
import type { ActorEndHow, ActorRole, Observed, ObservedCounts } from './measured.js'

/** Time between two looks at the copies, ms: a resync settles a thousand partitions, which are not a thousand events. */
const COPIES_LOOK_MS = 100

/** Longest reason, characters: the latest events are kept, and an app's error may have a whole page in its message. */
const REASON_CHARS_MAX = 300

interface Takeover {
  readonly from: ActorName
  readonly partitions: number
  /** Those without a new owner. */
  readonly left: Set<Partition>
  readonly startedAt: number
}

/** Where everything that is observed comes together. */
export class Observations {
  readonly #underCopiedNow: () => number
  readonly #listeners = new Set<(observed: Observed) => void>()
  readonly #ends = new Map<string, { actor: string; how: ActorEndHow; count: number }>()
  readonly #takeovers = new DurationHistogram()
  readonly #handovers = new DurationHistogram()
  /** Under way: their partitions are disjoint, so there are few. */
  readonly #open = new Set<Takeover>()
  #takeoverPartitions = 0
  #handoverPartitions = 0
  #underCopied = 0
  #underCopiedSince = 0
  #look: NodeJS.Timeout | undefined = undefined

  /** @param underCopiedNow how many partitions are under-copied */
  constructor(underCopiedNow: () => number) {
    this.#underCopiedNow = underCopiedNow
  }

  /** @param listener called with each event as it happens; must not throw @returns ends that */
  listen(listener: (observed: Observed) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  get counts(): ObservedCounts {
    return {
      ends: [...this.#ends.values()],
      takeovers: this.#takeovers.read(),
      takeoverPartitions: this.#takeoverPartitions,
      handovers: this.#handovers.read(),
      handoverPartitions: this.#handoverPartitions,
    }
  }

  actorStarted(actor: string, role: ActorRole): void {
    this.#tell({ type: 'actor:started', actor, role })
  }

  actorEnded(actor: string, role: ActorRole, end: ActorEnd): void {
    const { how } = end
    const key = `${actor} ${how}`
    const known = this.#ends.get(key) ?? { actor, how, count: 0 }
    known.count++
    this.#ends.set(key, known)
    this.#tell({ type: 'actor:ended', actor, role, how, reason: reasonOf(actor, end) })
  }

  /** A web server is gone; these were its partitions. */
  takeoverBegan(from: ActorName, partitions: readonly Partition[]): void {
    if (partitions.length === 0) return
    this.#open.add({
      from,
      partitions: partitions.length,
      left: new Set(partitions),
      startedAt: performance.now(),
    })
  }

  /** The front sends requests of these partitions to an owner that has confirmed. */
  routed(partitions: ReadonlySet<Partition>): void {
    for (const takeover of this.#open) {
      for (const partition of partitions) takeover.left.delete(partition)
      if (takeover.left.size > 0) continue
      this.#open.delete(takeover)
      const durationMs = performance.now() - takeover.startedAt
      this.#takeovers.observe(durationMs)
      this.#takeoverPartitions += takeover.partitions
      this.#tell({
        type: 'takeover',
        from: takeover.from,
        partitions: takeover.partitions,
        durationMs: rounded(durationMs),
      })
    }
  }

  handedOver(from: ActorName, to: ActorName, partitions: number, durationMs: number): void {
    if (partitions === 0) return
    this.#handovers.observe(durationMs)
    this.#handoverPartitions += partitions
    this.#tell({ type: 'handover', from, to, partitions, durationMs: rounded(durationMs) })
  }

  /** Copies may have changed: looks at them soon. */
  copiesMayHaveChanged(): void {
    this.#look ??= setTimeout(() => {
      this.#look = undefined
      this.#lookAtCopies()
    }, COPIES_LOOK_MS).unref()
  }

  #lookAtCopies(): void {
    const now = this.#underCopiedNow()
    if (now === this.#underCopied) return
    if (this.#underCopied === 0) this.#underCopiedSince = performance.now()
    this.#underCopied = now
    this.#tell({ type: 'under-copied', partitions: now })
    if (now === 0) {
      this.#tell({ type: 'resynced', durationMs: rounded(performance.now() - this.#underCopiedSince) })
    }
  }

  #tell(observed: Observed): void {
    for (const listener of this.#listeners) listener(observed)
  }
}

/** @returns why, as one line; the log has all of it */
function reasonOf(actor: string, end: ActorEnd): string | null {
  const message = errorOfEnd(actor, end)?.message
  if (message === undefined) return null
  const beginning = message.slice(0, REASON_CHARS_MAX)
  return `${beginning.replace(/\s+/g, ' ').trim()}${beginning.length < message.length ? ' …' : ''}`
}

/** To a tenth of a millisecond: more would say more than is known. */
function rounded(ms: number): number {
  return Math.round(ms * 10) / 10
}
