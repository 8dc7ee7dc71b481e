/** How long to wait before an actor that ended is started again. Pure: the lengths of its lives go in. */

/** The second restart in a row waits this long, each further one twice as long, ms. */
const FIRST_WAIT_MS = 100
/** Longest wait, ms: an operator who mends the cause sees the actor back within this. */
const WAIT_MS_MAX = 10_000
/** An actor that ran for so long did not die of its start, ms: its next restart is immediate again. */
const STABLE_RUN_MS = 2_000

/** The back-off of one actor: at once after a long run, then exponential up to a cap. */
export class RestartDelay {
  #shortLives = 0

  /** @param ranMs how long it was up; 0 when it died at start @returns ms to wait before its next start */
  onEnd(ranMs: number): number {
    if (ranMs >= STABLE_RUN_MS) this.#shortLives = 0
    const waitMs = this.#shortLives === 0 ? 0 : FIRST_WAIT_MS * 2 ** (this.#shortLives - 1)
    this.#shortLives++
    return Math.min(waitMs, WAIT_MS_MAX)
  }
}
