/** Whether anything is still under way in this thread: an app that has nothing under way will never come to listen. */
import { setTimeout as wait } from 'node:timers/promises'

/** Time between two looks, ms. */
const POLL_MS = 50
/** Looks in a row that must find nothing: between two steps of a chain of promises nothing may show for a moment. */
const QUIET_LOOKS = 6

/** Watches what keeps a thread's event loop alive: sockets, timers, files being read, child processes. */
export class QuietThread {
  readonly #before = counts()

  /** Resolves when nothing has been under way for a moment beyond what was when this was made, or when aborted. */
  async whenQuiet(signal: AbortSignal): Promise<void> {
    for (let looks = 0; looks < QUIET_LOOKS && !signal.aborted; ) {
      await wait(POLL_MS, undefined, { ref: false })
      looks = this.#isQuiet() ? looks + 1 : 0
    }
  }

  #isQuiet(): boolean {
    for (const [resource, count] of counts()) {
      if (count > (this.#before.get(resource) ?? 0)) return false
    }
    return true
  }
}

function counts(): Map<string, number> {
  const found = new Map<string, number>()
  for (const resource of process.getActiveResourcesInfo()) {
    found.set(resource, (found.get(resource) ?? 0) + 1)
  }
  return found
}
