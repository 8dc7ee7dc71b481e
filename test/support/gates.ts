/** Places in an app where requests wait until a test lets them go on. */
export class Gates {
  readonly #waiting = new Map<string, (() => void)[]>()

  /** Waits until somebody opens the gate. */
  wait(name: string): Promise<void> {
    return new Promise(pass => {
      this.#waiting.set(name, [...(this.#waiting.get(name) ?? []), pass])
    })
  }

  /** How many wait at it. */
  waitingAt(name: string): number {
    return this.#waiting.get(name)?.length ?? 0
  }

  /** Lets everybody go on who waits there now. @returns how many */
  open(name: string): number {
    const waiting = this.#waiting.get(name) ?? []
    this.#waiting.delete(name)
    for (const pass of waiting) pass()
    return waiting.length
  }
}
