/** What the log says of takeovers, handovers and copies: a line when something begins, and one when it is over. */
import type { Logger } from 'pino'
import type { Observed } from '../measured.js'

/** @returns what `Observations.listen` is given */
export function observedLog(log: Logger): (observed: Observed) => void {
  // At a start nothing is copied yet, which is no news.
  let wasWhole = false
  let underCopiedMax = 0
  return observed => {
    switch (observed.type) {
      case 'takeover': {
        const { from, partitions, durationMs } = observed
        log.info({ actor: from, partitions, durationMs }, 'taken over')
        return
      }
      case 'handover': {
        const { from, to, partitions, durationMs } = observed
        log.info({ actor: from, to, partitions, durationMs }, 'handover')
        return
      }
      case 'under-copied':
        if (underCopiedMax === 0 && observed.partitions > 0 && wasWhole) {
          log.warn({ partitions: observed.partitions }, 'partitions are under-copied')
        }
        underCopiedMax = Math.max(underCopiedMax, observed.partitions)
        return
      case 'resynced':
        log.info(
          { partitions: underCopiedMax, durationMs: observed.durationMs },
          'all partitions are copied as configured',
        )
        underCopiedMax = 0
        wasWhole = true
        return
      case 'actor:started':
      case 'actor:ended':
        // Told where it is known what was started, and why it ended.
        return
      default:
        observed satisfies never
    }
  }
}
