/** Waiting for conditions in tests. */
import { setTimeout as wait } from 'node:timers/promises'

/** Pauses between two looks, ms: to look is work for what is looked at, and for the tests that run beside. */
const PAUSE_MS_MIN = 5
const PAUSE_MS_MAX = 25
/** A pause is this part of what has been waited already, so that no wait is much longer than it need be. */
const PAUSE_SHARE = 1 / 20

/** Waits until the condition holds; the test's own time limit bounds it. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const startedAt = performance.now()
  while (!(await condition())) {
    const pauseMs = (performance.now() - startedAt) * PAUSE_SHARE
    await wait(Math.min(Math.max(pauseMs, PAUSE_MS_MIN), PAUSE_MS_MAX))
  }
}
