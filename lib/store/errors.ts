/** What can go wrong with a store beside what can go wrong with sessions. */
import { TroupeError } from '../errors.js'

/** The store was closed. */
export class StoreClosedError extends TroupeError {
  readonly code = 'STORE_CLOSED'

  constructor() {
    super('This TroupeStore was closed. Make a new one, or close it only when no request is left.')
  }
}

/** Its session servers are not there yet. */
export class StoreNotReadyError extends TroupeError {
  readonly code = 'STORE_NOT_READY'

  constructor(waitedMs: number) {
    super(
      `The session servers of this TroupeStore are not there after ${waitedMs} ms. Call await store.ready() before ` +
        'the first request, and see the log for what it waits for.',
    )
  }
}

/** Another process has taken the session servers over: this one owns nothing any more, and never will again. */
export class StoreTakenOverError extends TroupeError {
  readonly code = 'OWNERSHIP_LOST'

  constructor() {
    super(
      'Another process, a TroupeStore or a cluster, has begun to use the same session servers since: this store may ' +
        'change nothing any more. Run one of them only, and start this process again if it is to be the one.',
    )
  }
}
