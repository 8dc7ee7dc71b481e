/** What can come back from a cluster in place of what was asked for. */
import type { Failure } from '../admin/failures.js'
import { TroupeError } from '../errors.js'

/** No cluster answers where one should be. */
export class ClusterUnreachableError extends TroupeError {
  readonly code = 'CLUSTER_UNREACHABLE'
}

/** What the cluster answered in place of a result, with the code that it gave. */
export class ClusterAnswerError extends TroupeError {
  readonly code: string
  /** What the app itself threw, with its stack. */
  readonly detail: string | null

  constructor({ code, message, detail }: Failure) {
    super(message)
    this.code = code
    this.detail = detail ?? null
  }
}
