/** The sessions of a store outside of Troupe: what it may be given, and the start of what stands behind it. */
import type { Logger } from 'pino'
import type { SessionAccess } from './session-access.js'

/** Options of a store outside of Troupe. Without any it keeps two copies of each session in memory, on two threads. */
export interface OwnSessionsOptions {
  /** Path of a configuration file; the others are not looked at then. */
  readonly config?: string
  /** As in the configuration file; paths are relative to the working directory. */
  readonly sessionServers?: readonly object[]
  /** As in the configuration file. */
  readonly replication?: object
  /** As in the configuration file; `ttl` and `maxBytes` count. */
  readonly session?: object
  /** For several hosts, as in the configuration file. */
  readonly hosts?: object
  /** As in the configuration file. */
  readonly cluster?: object
  /** Hears what an operator should know; by default warnings and errors go to standard error. */
  readonly log?: Logger
  /** A session server that can't be started is an error instead of being tried again; default false. */
  readonly mustStart?: boolean
}

/** Sessions of which this process is the owner. */
export interface OwnSessions extends SessionAccess {
  /** Resolves when every session can be had. @throws why not */
  ready(): Promise<void>
  /** Waits for the copies of what is under way, and ends the session servers. Idempotent. */
  close(): Promise<void>
}

/** @throws (as a rejection) ConfigUnreadableError | ConfigSyntaxError | ConfigInvalidError | ClusterTlsError */
export async function openOwnSessions(options: OwnSessionsOptions): Promise<OwnSessions> {
  // Loaded only here: web servers have no use for it.
  const { openStandaloneSessions } = await import('./standalone-sessions.js')
  return await openStandaloneSessions(options)
}
