/** What a bench has started, to be ended whatever happens. */
export class Scope {
  readonly #ends: (() => unknown)[] = []

  teardown(end: () => unknown): void {
    this.#ends.unshift(end)
  }

  /** Ends all of it, the last first. */
  async end(): Promise<void> {
    for (const end of this.#ends.splice(0)) await end()
  }
}
