/** The nonces of the last while, so that no request is taken twice. */

/** Outcome of {@link Nonces.add}. */
export type NonceOutcome = 'new' | 'seen' | 'full'

/**
 * Remembers each nonce as long as its request's time would pass as fresh. Nonces are kept by the window that their time
 * falls into, so that forgetting is dropping a whole set.
 */
export class Nonces {
  readonly #windowMs: number
  readonly #max: number
  readonly #windows = new Map<number, Set<string>>()

  /** @param windowMs how far a request's time may be from now, both ways */
  constructor(windowMs: number, max: number) {
    this.#windowMs = windowMs
    this.#max = max
  }

  has(nonce: string, time: number): boolean {
    return this.#windows.get(this.#windowOf(time))?.has(nonce) ?? false
  }

  /** @param time of the request, fresh, ms @param now ms of this host's clock */
  add(nonce: string, time: number, now: number): NonceOutcome {
    if (this.has(nonce, time)) return 'seen'
    this.#forget(now)
    let held = 0
    for (const nonces of this.#windows.values()) held += nonces.size
    if (held >= this.#max) return 'full'
    const window = this.#windowOf(time)
    const nonces = this.#windows.get(window)
    if (nonces === undefined) this.#windows.set(window, new Set([nonce]))
    else nonces.add(nonce)
    return 'new'
  }

  /** Drops the windows in which no time is fresh any more. */
  #forget(now: number): void {
    const oldest = this.#windowOf(now - this.#windowMs)
    for (const window of this.#windows.keys()) if (window < oldest) this.#windows.delete(window)
  }

  #windowOf(time: number): number {
    return Math.floor(time / this.#windowMs)
  }
}
