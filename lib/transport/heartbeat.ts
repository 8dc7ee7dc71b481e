/**
 * The heartbeat of an actor: a counter in shared memory that its event loop raises, and a watch in the director that
 * finds an event loop standing still. A SharedArrayBuffer is seen without any message, so also while the actor hangs.
 */

/** Time between two beats, ms: short beside any sensible hang timeout, and next to no work. */
const BEAT_INTERVAL_MS = 50
/** Looks at the counter within one hang timeout: the timeout is met to a tenth. */
const CHECKS_PER_TIMEOUT = 10

/** @returns shared memory for one actor's heartbeat */
export function createHeartbeat(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
}

/** Actor side: beats from now on. @returns stops it */
export function startHeartbeat(buffer: SharedArrayBuffer): () => void {
  const counter = new Int32Array(buffer)
  Atomics.add(counter, 0, 1)
  // The actor's pending task keeps its thread alive; a heartbeat alone must not.
  const timer = setInterval(() => Atomics.add(counter, 0, 1), BEAT_INTERVAL_MS).unref()
  return () => clearInterval(timer)
}

/**
 * Decides whether an event loop stands still. Counts the watcher's own looks rather than time: a director that was
 * blocked for a minute has looked once, not for a minute, and so does not condemn its actors.
 */
export class HangDetector {
  readonly #stillChecksMax: number
  #lastCount: number | null = null
  #stillChecks = 0

  /** @param stillChecksMax looks in a row at an unchanged counter that make a hang */
  constructor(stillChecksMax: number) {
    this.#stillChecksMax = stillChecksMax
  }

  /** @param count the counter now; it may wrap around @returns true once it has stood still for long enough */
  onCheck(count: number): boolean {
    this.#stillChecks = count === this.#lastCount ? this.#stillChecks + 1 : 0
    this.#lastCount = count
    return this.#stillChecks >= this.#stillChecksMax
  }
}

/** Options of {@link watchHeartbeat}. */
export interface HeartbeatWatch {
  /** How long the counter may stand still while the director's own loop runs, ms. */
  readonly hangTimeoutMs: number
  /** Called once, and then no more is watched. */
  onHang(): void
}

/** Director side: watches one actor's heartbeat. @returns stops watching */
export function watchHeartbeat(buffer: SharedArrayBuffer, watch: HeartbeatWatch): () => void {
  const counter = new Int32Array(buffer)
  // Looking more often than it beats would count stillness between two beats.
  const intervalMs = Math.max(watch.hangTimeoutMs / CHECKS_PER_TIMEOUT, BEAT_INTERVAL_MS)
  const detector = new HangDetector(Math.max(2, Math.ceil(watch.hangTimeoutMs / intervalMs)))
  const timer = setInterval(() => {
    if (!detector.onCheck(Atomics.load(counter, 0))) return
    clearInterval(timer)
    watch.onHang()
  }, intervalMs).unref()
  return () => clearInterval(timer)
}
