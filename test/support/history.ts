/**
 * What the answers of one counter may be, as far as its only client can know: the checker behind every load on the real
 * thing. Requests of the session come one after the other. A request that got no answer may have been carried out, and,
 * if nothing told its client that it is over, may still be.
 */

/** The promises kept or broken by what a client of one session sees. Each `on…` method returns a sentence, or null. */
export class SessionHistory {
  /** Belongs to this client alone; answers that name another session's client break a promise. */
  readonly name: string
  /** The last value that was told: no later answer may be below. */
  #told = 0
  /** The highest value that all requests sent so far can have led to. */
  #highest = 0
  /** Increments, among those, that can happen at any later time. */
  #loose = 0

  constructor(name: string) {
    this.name = name
  }

  /** The last value that was told. */
  get told(): number {
    return this.#told
  }

  /** A request leaves. @param runs how often it may be carried out although it is sent once */
  onAsked(runs: number): void {
    this.#highest += runs
  }

  /** An increment was acknowledged. @param owner whom the session belongs to, when it tells */
  onIncremented(value: number, owner?: string): string | null {
    return this.#onValue('answered', value, this.#told + 1, owner)
  }

  /** The session was read. */
  onRead(value: number, owner?: string): string | null {
    return this.#onValue('read', value, this.#told, owner)
  }

  /** There is no session any more, or another one under another id. */
  onReplaced(): string {
    return `${this.name}: its cookie was replaced after ${this.#told} increments`
  }

  /** The last request failed, and there may be some life in it yet. @param runs as it was asked */
  onVanished(runs: number): void {
    this.#loose += runs
  }

  #onValue(what: string, value: number, lowest: number, owner: string | undefined): string | null {
    const highest = this.#highest
    if (owner !== undefined && owner !== this.name) return `${this.name}: was given the session of ${owner}`
    if (!(value >= lowest && value <= highest)) {
      // Goes on from what it is, so that one loss is one sentence.
      this.#settle(value)
      return `${this.name}: ${what} ${value}, expected ${lowest} to ${highest}`
    }
    this.#settle(value)
    return null
  }

  /** What failed before has had its effect by now, or never will: but for the loose ones. */
  #settle(value: number): void {
    this.#told = value
    this.#highest = value + this.#loose
  }
}
