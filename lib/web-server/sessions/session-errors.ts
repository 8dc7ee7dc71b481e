/** What can go wrong with a session, each told apart by its code. */
import { TroupeError, type TroupeErrorOptions } from '../../errors.js'

/** A session holds something that JSON would lose; the last good copy stays. */
export class SessionNotSerializableError extends TroupeError {
  readonly code = 'SESSION_NOT_SERIALIZABLE'

  /**
   * @param path where in the session, `cart.items[2].price`
   * @param found what is there, `a function`
   */
  constructor(
    readonly path: string,
    found: string,
    options: TroupeErrorOptions = {},
  ) {
    super(
      `req.session.${path} is ${found}, which JSON cannot hold. Store strings, finite numbers, booleans, null, ` +
        'arrays and plain objects. The changes of this request were dropped.',
      options,
    )
  }
}

/** A session grew past `session.maxBytes`; the last good copy stays. */
export class SessionTooLargeError extends TroupeError {
  readonly code = 'SESSION_TOO_LARGE'

  /** @param largest the largest top-level keys with their sizes in bytes, largest first */
  constructor(
    readonly bytes: number,
    readonly maxBytes: number,
    readonly largest: readonly (readonly [key: string, bytes: number])[],
  ) {
    const keys = largest.map(([key, size]) => `${key} (${size} bytes)`).join(', ')
    super(
      `The session takes ${bytes} bytes as JSON, session.maxBytes allows ${maxBytes}. Largest: ${keys}. Keep less in ` +
        'it, or raise session.maxBytes. The changes of this request were dropped.',
    )
  }
}

/** A stored session is not the JSON of an object: nothing of ours wrote it. */
export class SessionUnreadableError extends TroupeError {
  readonly code = 'SESSION_UNREADABLE'

  constructor(options: TroupeErrorOptions = {}) {
    super(
      'A stored session is not a JSON object, so something other than Troupe wrote it. Find what else writes to its ' +
        'session server; to be rid of this one, end it with troupe sessions destroy.',
      options,
    )
  }
}

/** `reload()` would have dropped the unsaved changes of another request. */
export class SessionInUseError extends TroupeError {
  readonly code = 'SESSION_IN_USE'

  constructor(otherRequests: number) {
    super(
      `The session is in use by ${otherRequests} other request(s) that share its data, so it cannot be reloaded: ` +
        'their unsaved changes would be lost. What it holds now is already the newest state.',
    )
  }
}

/** `reload()` of a session that has ended meanwhile: there is nothing to load. */
export class SessionDestroyedError extends TroupeError {
  readonly code = 'SESSION_DESTROYED'

  constructor() {
    super(
      'The session cannot be reloaded: it was destroyed or regenerated, by this request or another. Nothing of it ' +
        'is kept, whatever this request still does with it.',
    )
  }
}

/** Another request of the same session had to be undone, and with it what this request had changed or seen. */
export class SessionRevertedError extends TroupeError {
  readonly code = 'SESSION_REVERTED'

  constructor(cause: TroupeError) {
    super(
      'Unsaved changes that this request had made or seen were dropped, since a concurrent request of the same session ' +
        `made it impossible to save them: ${cause.message}`,
      { cause },
    )
  }
}

/** The session was replaced as a whole by a call that was not this request's: a store's `set`, say. */
export class SessionReplacedError extends TroupeError {
  readonly code = 'SESSION_REPLACED'

  constructor() {
    super(
      'The session was replaced as a whole, from outside of its requests: the changes of this one were dropped, and what ' +
        'it holds now is the newest state. Change a session by its requests or by calls, not both at once.',
    )
  }
}

/** A request changed its session after it was over and the session had left the cache. */
export class SessionClosedError extends TroupeError {
  readonly code = 'SESSION_CLOSED'

  constructor() {
    super(
      'The session was changed after its request was over, when this web server no longer held it: the change was ' +
        'dropped. Change sessions before the response ends, or call req.session.save() and wait for it.',
    )
  }
}

/** Something other than a session was assigned to `req.session`. */
export class SessionAssignedError extends TroupeError {
  readonly code = 'SESSION_ASSIGNED'

  constructor() {
    super(
      'req.session cannot be replaced by another object. Assign its members, or call req.session.regenerate() for a ' +
        'new session and req.session.destroy() to end it.',
    )
  }
}

/** No id of an own partition could be drawn: this web server owns none, or hardly any. */
export class SessionIdError extends TroupeError {
  readonly code = 'SESSION_ID_EXHAUSTED'

  constructor(draws: number) {
    super(
      `None of ${draws} random session ids fell into a partition of this web server: it owns none at the moment. ` +
        'The request may be sent again.',
    )
  }
}

/** Sessions that no replica has acknowledged fill the cache: nothing may be dropped, so nothing more is taken. */
export class SessionCacheFullError extends TroupeError {
  readonly code = 'SESSION_CACHE_FULL'

  constructor(bytes: number) {
    super(
      `Sessions in use, or not yet held by every session server, take ${bytes} bytes, far beyond cache.maxBytes. ` +
        'The request may be sent again. Check the session servers, or raise cache.maxBytes.',
    )
  }
}
