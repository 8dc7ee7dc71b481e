/** Changes of files, gathered: an editor writes a file in several steps, a branch switch changes hundreds. */

/** As long as nothing more changes, ms: below what one notices, above what a program needs between two writes. */
const QUIET_MS = 100
/** Names kept for the message; what is beyond is only counted as a change. */
const NAMES_MAX = 5

export class Changes {
  readonly #names = new Set<string>()
  #timer: NodeJS.Timeout | undefined
  #isQuiet = false
  #isEnded = false
  #wake = () => {}

  /** Something has changed. */
  add(name: string): void {
    if (this.#names.size < NAMES_MAX) this.#names.add(name)
    this.#isQuiet = false
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#isQuiet = true
      this.#wake()
    }, QUIET_MS)
  }

  /** Nobody waits for changes any more. */
  end(): void {
    clearTimeout(this.#timer)
    this.#isEnded = true
    this.#wake()
  }

  /** Resolves once something has changed since the last call and things are quiet. @returns what; nothing at the end */
  async next(): Promise<readonly string[]> {
    while (!this.#isEnded && (this.#names.size === 0 || !this.#isQuiet)) {
      await new Promise<void>(resolve => {
        this.#wake = resolve
      })
    }
    const names = [...this.#names]
    this.#names.clear()
    return names
  }
}
