/** The running cluster as its caller, the command line and the admin listener see it. */

import { TroupeError } from '../errors.js'
import type { Sessions } from '../transport/session-call-register.js'
import type { DrainResult, ReloadResult, ScaleResult } from './command-results.js'
import type { CommandOptions } from './commands.js'
import type { ClusterEvents } from './events.js'
import type { ActorState } from './measured.js'

export type { ActorState } from './measured.js'

/** There is no actor of that name. */
export class UnknownActorError extends TroupeError {
  readonly code = 'UNKNOWN_ACTOR'

  constructor(name: string, known: readonly string[]) {
    super(`There is no actor named ${JSON.stringify(name)}. There are ${known.join(', ')}.`)
  }
}

/** One web server in {@link ClusterStatus}. */
export interface WebServerStatus {
  readonly name: string
  readonly state: ActorState
  readonly partitions: number
  readonly sessions: number
  readonly requestsInFlight: number
  /** Changes of sessions, touches among them, since it was last started. */
  readonly mutations: number
  readonly restarts: number
}

/** One session server in {@link ClusterStatus}. */
export interface SessionServerStatus {
  readonly name: string
  /** The host that holds its copies: a name of `hosts`, null on one machine and for a Redis. */
  readonly host: string | null
  readonly store: 'memory' | 'lmdb' | 'redis'
  readonly state: ActorState
  /** Partitions of which it holds a synced copy. */
  readonly partitions: number
  readonly sessions: number
  readonly restarts: number
}

/** What GET /status answers. */
export interface ClusterStatus {
  readonly director: {
    readonly uptimeMs: number
    readonly state: 'running' | 'stopping'
    readonly requestsInFlight: number
    readonly parked: number
  }
  readonly webServers: readonly WebServerStatus[]
  readonly sessionServers: readonly SessionServerStatus[]
  readonly partitions: {
    readonly total: number
    /** Partitions without an owner right now. */
    readonly unowned: number
    /** Partitions with fewer synced copies than configured, or not settled after a takeover. */
    readonly underCopied: number
  }
  /** Rises with each change of the partition table. */
  readonly tableVersion: number
}

/** A running cluster. */
export interface Cluster {
  /** Where the first listener is: `http://127.0.0.1:8080`, `https://...`, or `unix:/path` for a unix socket. */
  readonly url: string
  /** Where all listeners are, in the order of the configuration. */
  readonly urls: readonly string[]
  /** The admin listener's base URL, null when it is off. */
  readonly adminUrl: string | null
  /** All sessions, read, found by `session.indexes`, listed and ended. */
  readonly sessions: Sessions
  /** Ready when every partition has an owner and at least one synced copy. */
  isReady(): boolean
  status(): Promise<ClusterStatus>
  /**
   * Reads the certificates of all listeners again; connections from now on get them. Files that change are noticed
   * without it, within seconds.
   * @throws ListenTlsError: then the old ones stay in use
   */
  reloadCertificates(): Promise<void>
  /**
   * Reads the configuration again, where it comes from a file, and replaces every web server, one after the other, by a
   * new one that loads the app anew. No request fails and nothing is lost: the new one runs before the old one hands
   * over; requests, streams and WebSockets of the old one have `drainTimeout` to end.
   * @throws CONFIG_… when the file is no good, ReloadRefusedError when it has changed what needs a restart, and
   * ReloadFailedError when the new code does not start: nothing is changed then. ReloadIncompleteError when a later web
   * server does not; ClusterBusyError, ClusterStoppingError
   */
  reload(options?: CommandOptions): Promise<ReloadResult>
  /**
   * Changes the number of web servers. Resolves when partitions are spread over them.
   * @param count 1 to 256
   * @throws ScaleRangeError; ScaleFailedError: there are as many as before then. ClusterBusyError, ClusterStoppingError
   */
  scale(count: number, options?: CommandOptions): Promise<ScaleResult>
  /**
   * Takes a web server out of service and ends it, as a reload does; none replaces it, so there is one less. `scale`
   * brings another.
   * @throws UnknownActorError, LastWebServerError, ClusterBusyError, ClusterStoppingError
   */
  drain(name: string, options?: CommandOptions): Promise<DrainResult>
  /** Ends an actor's thread at once; it will be replaced. @throws UnknownActorError */
  kill(name: string): Promise<void>
  /** Calls the listener each time this happens: see `events.ts`, and `session-events.ts` for what happens to sessions. */
  on<Name extends keyof ClusterEvents>(name: Name, listener: (...args: ClusterEvents[Name]) => void): this
  /** Calls it the next time only. */
  once<Name extends keyof ClusterEvents>(name: Name, listener: (...args: ClusterEvents[Name]) => void): this
  off<Name extends keyof ClusterEvents>(name: Name, listener: (...args: ClusterEvents[Name]) => void): this
  /** Finishes requests in flight within the drain timeout, flushes the outboxes, ends every actor. Idempotent. */
  stop(): Promise<void>
  /** Stops it, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}
