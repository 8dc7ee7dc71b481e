/** Errors of replication that a request can meet. */
import { TroupeError } from '../errors.js'
import type { Partition } from './ids.js'

/** A change was not acknowledged by enough replicas in time; it may yet arrive, so its outcome is unknown. */
export class ReplicationTimeoutError extends TroupeError {
  readonly code = 'REPLICATION_TIMEOUT'

  constructor(waitedMs: number, required: number, held: number) {
    super(
      `A session change was held by ${held} of ${required} required session servers after ${waitedMs} ms. ` +
        'It may still arrive. Check the session servers, or raise replication.ackTimeout.',
    )
  }
}

/** No replica could say whether a session exists (invariant 4): the request gets 503, never an empty session. */
export class SessionUnavailableError extends TroupeError {
  readonly code = 'SESSION_UNAVAILABLE'

  constructor(partition: Partition, reason: string) {
    super(`A session of partition ${partition} could not be read: ${reason}. The request may be sent again.`)
  }
}

/** This web server stopped owning the partition while a request was using it. */
export class OwnershipLostError extends TroupeError {
  readonly code = 'OWNERSHIP_LOST'

  constructor(partition: Partition) {
    super(
      `Partition ${partition} moved to another web server before the change was acknowledged. ` +
        'The request may be sent again.',
    )
  }
}
