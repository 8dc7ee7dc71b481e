/** A bound on waiting for the other side. Fair to it when this thread was the one that stood still. */

export class Deadline {
  readonly #timer: NodeJS.Timeout
  readonly #expired: () => void
  #steps = 0
  #isOver = false

  /** @param expired called once, when nothing has happened for `ms` */
  constructor(ms: number, expired: () => void) {
    this.#expired = expired
    this.#timer = setTimeout(() => this.#onTimer(), ms)
  }

  /** Something happened: the time begins anew. */
  progress(): void {
    this.#steps++
    if (!this.#isOver) this.#timer.refresh()
  }

  clear(): void {
    this.#isOver = true
    clearTimeout(this.#timer)
  }

  /** After a blocked event loop timers come first, though the answer may have arrived: it gets its turn. */
  #onTimer(): void {
    const steps = this.#steps
    setImmediate(() =>
      setImmediate(() => {
        if (this.#isOver || this.#steps !== steps) return
        this.#isOver = true
        this.#expired()
      }),
    )
  }
}
