/** What can go wrong between Troupe and the user's app. */
import { TroupeError, type TroupeErrorOptions } from '../../errors.js'

/** The app could not be loaded; `cause` is its own error, with its stack, when it threw one. */
export class AppLoadError extends TroupeError {
  readonly code = 'APP_LOAD_FAILED'

  constructor(file: string, problem: string, options: TroupeErrorOptions = {}) {
    super(`The app ${file} could not be loaded: ${problem}`, options)
  }
}

/** `getSession` was asked about a request that Troupe did not hand to the app. */
export class UnknownRequestError extends TroupeError {
  readonly code = 'UNKNOWN_REQUEST'

  constructor() {
    super(
      'getSession(request) was called with a request that Troupe did not pass to the app. Pass on the very request ' +
        'that fetch(request) received (in Hono: c.req.raw); a copy made by new Request(request) has no session.',
    )
  }
}
