/** Where committed changes of one session wait for the index, before any replica may have them. */
import type { TroupeError } from '../../errors.js'
import type { SessionCopy } from '../../replication/copy.js'
import type { PendingChange } from './session-change.js'

/** Opens once, when nothing is awaited any more. */
export class SessionGate {
  /** What replicas were sent last; of epoch 0 when that was nothing. */
  readonly sent: SessionCopy
  /** Whoever waits for the newest state to be held. */
  readonly changes: PendingChange[] = []
  /** Answers of index owners that are still to come. */
  awaited = 0

  constructor(sent: SessionCopy) {
    this.sent = sent
  }

  /** It will not open. */
  settle(error: TroupeError): void {
    for (const change of this.changes) change.settle(error)
  }
}
