/**
 * What one request holds of its session: the seam between HTTP (exchange.ts) and sessions (session-host.ts).
 * In the order of a request's life: open, session, head, end, acknowledged, close.
 */
import type { Partition } from '../../replication/ids.js'
import type { Session } from './session.js'

/** What a session host needs to know of a request. */
export interface SessionRequest {
  /** The raw Cookie header, undefined when there is none. */
  readonly cookieHeader: string | undefined
  /** Whether the client's connection is encrypted, for `cookie.secure`. */
  readonly encrypted: boolean
}

/** Opens sessions for requests. */
export interface SessionOpener {
  /**
   * Finds the session that the cookies name. Answers at once when there is none or it is cached, otherwise after one
   * look-up at the replicas.
   */
  open(request: SessionRequest): Opened | Promise<Opened>
}

/** The answer to {@link SessionOpener.open}. */
export type Opened =
  | { readonly type: 'opened'; readonly use: SessionUse }
  /** The session belongs to a partition that another web server owns. */
  | { readonly type: 'reroute'; readonly partition: Partition }
  /** No replica could say whether the session exists: 503 with Retry-After, never an empty session. */
  | { readonly type: 'unavailable'; readonly error: Error }

/** One request's hold on one session, from before the app runs until the request is over. */
export interface SessionUse {
  /** The app's `req.session`: the loaded session, or a new one made at the first look. Replaced by regenerate and destroy. */
  session: Session | undefined
  /** The id behind `req.sessionID`; makes a new session when there is none yet. */
  readonly sessionId: string
  /**
   * The response head is about to be written: commits what has changed so far.
   * @returns the Set-Cookie value to add, or null.
   * @throws SessionNotSerializableError | SessionTooLargeError; the last good copy stays.
   */
  head(): string | null
  /** The app ended the response: commits what changed since. @throws as {@link head} */
  end(): void
  /**
   * The answer's head has been made and the connection goes on as a tunnel: the session stays as long as that, and
   * changes are committed at the end of the tick that makes them.
   */
  stay(): void
  /**
   * Null when every change that this request made or may have seen is held by as many replicas as `acks` asks for;
   * otherwise a promise of that.
   * @throws ReplicationTimeoutError (as a rejection) when the copies can't be had in time.
   */
  acknowledged(): Promise<void> | null
  /** The request is over (answered, aborted or failed): commits what can be committed and lets the session go. Idempotent. */
  close(): void
}
