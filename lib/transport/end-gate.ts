/**
 * Keeps a thread from being ended where that would end the whole process. Node forbids a thread that is being ended to
 * touch JavaScript, a moment before it stops running; native code that finds itself called in that moment, as LMDB's
 * does, takes that for a fatal error and aborts. So a thread passes a gate in shared memory on its way into such code,
 * and whoever wants to end it closes the gate first and waits until nobody is behind it. No message is needed: a thread
 * in an endless loop anywhere else is ended at once.
 */

/** The thread is in code that must not be broken off. */
const INSIDE = 1
/** The thread is about to be ended, and may not go in any more. */
const CLOSED = 2

/** Time between two looks at a gate that somebody is behind, ms: at first, and at most, since it may be a dead disk. */
const LOOK_MS = 1
const LOOK_MS_MAX = 100

/** @returns shared memory for one thread's gate, which is open */
export function createEndGate(): SharedArrayBuffer {
  return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
}

/** Thread side; whether it is closed, anybody may ask who has the memory. */
export class EndGate {
  readonly #state: Int32Array
  /** How many have gone in and not come out: those that wait for something overlap. */
  #inside = 0
  #whenLeft: (() => void)[] = []

  /** @param memory without it it is never closed, as where nobody ends the thread */
  constructor(readonly memory: SharedArrayBuffer = createEndGate()) {
    this.#state = new Int32Array(memory)
  }

  /** Whether the thread is about to be ended, or has ended: what it is given may be lost with it. */
  get isClosed(): boolean {
    return (Atomics.load(this.#state, 0) & CLOSED) !== 0
  }

  /**
   * Resolves when this thread is not behind its gate. An actor ends its task no earlier: a pool ends the thread of a task
   * that has ended, and knows of no gate.
   */
  async left(): Promise<void> {
    while (this.#inside > 0) await new Promise<void>(resolve => this.#whenLeft.push(resolve))
  }

  /** Runs what must not be broken off. Doesn't come back if the thread is to be ended. @throws what it throws */
  run<T>(work: () => T): T {
    this.#enter()
    try {
      return work()
    } finally {
      this.#leave()
    }
  }

  /** The same for work that takes several turns of the event loop, of which nobody else knows the dangerous ones. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#enter()
    try {
      return await work()
    } finally {
      this.#leave()
    }
  }

  /** Walks through something of which each step must not be broken off; the gate is open between them. */
  *each<T>(items: Iterable<T>): Generator<T> {
    const iterator = this.run(() => items[Symbol.iterator]())
    let isDone = false
    try {
      while (true) {
        const step = this.run(() => iterator.next())
        isDone = step.done === true
        if (step.done === true) return
        yield step.value
      }
    } finally {
      if (!isDone) this.run(() => iterator.return?.())
    }
  }

  #enter(): void {
    if (this.#inside === 0 && Atomics.compareExchange(this.#state, 0, 0, INSIDE) === CLOSED) this.#park()
    this.#inside++
  }

  #leave(): void {
    if (--this.#inside > 0) return
    if (this.#whenLeft.length > 0) for (const resolve of this.#whenLeft.splice(0)) resolve()
    const before = Atomics.and(this.#state, 0, ~INSIDE)
    if ((before & CLOSED) !== 0) Atomics.notify(this.#state, 0)
  }

  /** Until the thread is ended, which is any moment. */
  #park(): never {
    while (true) Atomics.wait(this.#state, 0, CLOSED)
  }
}

/** Lets the thread in no more. @returns whether nobody is behind the gate, so that it may be ended now. Idempotent. */
export function closeEndGate(gate: SharedArrayBuffer): boolean {
  return (Atomics.or(new Int32Array(gate), 0, CLOSED) & INSIDE) === 0
}

/** The thread has ended, whatever it was in: nobody is behind its gate any more. */
export function abandonEndGate(gate: SharedArrayBuffer): void {
  Atomics.store(new Int32Array(gate), 0, CLOSED)
}

/** Resolves when nobody is behind a closed gate. Without a bound: what a thread can't leave, it can't be ended in. */
export async function endGateIsClear(gate: SharedArrayBuffer): Promise<void> {
  const state = new Int32Array(gate)
  let lookMs = LOOK_MS
  while ((Atomics.load(state, 0) & INSIDE) !== 0) {
    await new Promise(resolve => setTimeout(resolve, lookMs))
    lookMs = Math.min(2 * lookMs, LOOK_MS_MAX)
  }
}

/** Blocks this thread until nobody is behind a closed gate, at most `ms`: at the exit of a process, which can't await. */
export function awaitEndGateSync(gate: SharedArrayBuffer, ms: number): void {
  Atomics.wait(new Int32Array(gate), 0, CLOSED | INSIDE, ms)
}
