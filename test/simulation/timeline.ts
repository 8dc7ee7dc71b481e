/** Virtual time: what will happen when, one event after the other. */

interface Event {
  readonly at: number
  /** Events of the same moment happen in the order in which they were planned. */
  readonly order: number
  readonly run: () => void
}

export class Timeline {
  /** Virtual time, ms. */
  now = 0
  /** Events that have happened. */
  steps = 0
  #planned = 0
  /** A binary heap: the next event is at index 0. */
  readonly #heap: Event[] = []

  /** Plans an event. @param delayMs from now */
  after(delayMs: number, run: () => void): void {
    this.#push({ at: this.now + delayMs, order: this.#planned++, run })
  }

  /** Lets the next event happen. @returns false when none is planned up to `until`; then it is `until`. */
  step(until: number): boolean {
    const next = this.#heap[0]
    if (next === undefined || next.at > until) {
      this.now = until
      return false
    }
    this.#pop()
    this.now = next.at
    this.steps++
    next.run()
    return true
  }

  #push(event: Event): void {
    const heap = this.#heap
    let index = heap.length
    while (index > 0) {
      const above = (index - 1) >> 1
      const parent = heap[above]
      if (parent === undefined || isBefore(parent, event)) break
      heap[index] = parent
      index = above
    }
    heap[index] = event
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let index = 0
    for (;;) {
      let below = index * 2 + 1
      let child = heap[below]
      const right = heap[below + 1]
      if (child !== undefined && right !== undefined && isBefore(right, child)) {
        below++
        child = right
      }
      if (child === undefined || isBefore(last, child)) break
      heap[index] = child
      index = below
    }
    heap[index] = last
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}
