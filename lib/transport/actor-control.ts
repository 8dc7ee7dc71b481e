/**
 * The control plane: what the director asks of an actor over Comlink. Never on the path of a request (a call costs
 * about 70 µs); every call has a deadline and races the actor's end (see `control.ts`).
 */
import type { MessagePort } from 'node:worker_threads'
import type { AppConfig, SessionConfig, TrustProxy } from '../config/schema.js'
import type { Assignment } from '../replication/assignment.js'
import type { ActorName, Epoch, Partition } from '../replication/ids.js'
import type { TunnelEvent } from './exchange-messages.js'
import type { DurationCounts } from './histogram.js'
import type { SessionEventKind } from './session-events.js'
import type { ThreadStats } from './thread-stats.js'

/** What a worker thread is given when its actor begins; everything else comes over `control`. */
export interface ActorTask {
  readonly name: ActorName
  /** Comlink: the actor exposes {@link WebServerControl} or {@link SessionServerControl} on it. */
  readonly control: MessagePort
  /** A counter (Int32 at index 0) that the actor's event loop raises: see `heartbeat.ts`. */
  readonly heartbeat: SharedArrayBuffer
  /** What the actor passes on its way into code in which its thread must not be ended: see `end-gate.ts`. */
  readonly endGate: SharedArrayBuffer
}

/** Where the director listens, as `server.address()` tells it: an address and port, or the path of a socket. */
export type ListeningAddress =
  | { readonly address: string; readonly family: string; readonly port: number }
  | string

/** What a web server needs to start. */
export interface WebServerStart {
  readonly name: ActorName
  /** The exchange port: {@link FromWebServer} out, {@link ToWebServer} in. */
  readonly exchanges: MessagePort
  /** The port of session calls: {@link SessionMessage} both ways. */
  readonly sessionCalls: MessagePort
  readonly app: AppConfig
  /** What an app that listens by itself is told: the configured address, whose port may be 0. */
  readonly listening: ListeningAddress
  /** How long an app that exports nothing may take until it listens, ms. */
  readonly appStartMs: number
  readonly session: SessionConfig
  /** How many replicas must hold a change before its response goes out (invariant 2). */
  readonly acks: 'none' | 'one' | 'all'
  readonly ackTimeoutMs: number
  readonly cacheMaxBytes: number
  readonly outboxMaxBytes: number
  readonly servedBy: boolean
  /** Whom to believe what X-Forwarded-* and Forwarded say. */
  readonly trustProxy: TrustProxy
  readonly keepAliveTimeoutMs: number
  /** The admin listener's base URL, or null when there is none. */
  readonly adminUrl: string | null
}

/** Counters of one web server, for /status and /metrics. */
export interface WebServerStats extends ThreadStats {
  readonly partitions: number
  /** Sessions in the cache. */
  readonly sessions: number
  readonly cacheBytes: number
  readonly requestsInFlight: number
  /** Mutations that some replica has not acknowledged yet. */
  readonly outboxDepth: number
  /** Changes of sessions, touches among them, since it started. */
  readonly mutations: number
  /** Requests whose session was in the cache, since it started. */
  readonly cacheHits: number
  /** Requests whose session had to be asked for at the session servers. */
  readonly cacheMisses: number
  /** From a change to its acknowledgement by as many session servers as `acks` asks for. */
  readonly acks: DurationCounts
  /** Changes that were not acknowledged in time, or whose partition went away. */
  readonly acksFailed: number
  /** What happened to sessions, since it started. */
  readonly sessionEvents: Readonly<Record<SessionEventKind, number>>
}

/** Who takes over the sessions of a handover. */
export interface HandoverTarget {
  readonly port: MessagePort
  /** What the new owner's cache has room for, bytes. */
  readonly roomBytes: number
}

/** What came of a release. */
export interface Released {
  /** Given up. */
  readonly released: readonly Partition[]
  /** Not looked at, since there was enough to do: the next release may begin with them. None when nothing was given up. */
  readonly postponed: readonly Partition[]
}

/** Exposed by a web server. */
export interface WebServerControl {
  /**
   * Loads the app and begins to serve.
   * @returns what the app takes as tunnels by now; a message on another port could come later than the first client
   * @throws AppLoadError
   */
  start(options: WebServerStart): Promise<readonly TunnelEvent[]>
  /** A port to a session server of that name, replacing an earlier one. */
  connect(replica: ActorName, port: MessagePort): Promise<void>
  /** That session server is gone: nothing of it will be waited for. */
  disconnect(replica: ActorName): Promise<void>
  /**
   * Takes ownership of these partitions, or new replicas for those it has.
   * @param handover the number under which their sessions were announced by `receive`, null when they were not
   */
  assign(assignments: readonly Assignment[], handover: number | null): Promise<void>
  /**
   * Sessions will come through this port, and their partitions be assigned under the same number.
   * @param port null when the handover did not come about
   * @returns how much the cache has room for, bytes
   */
  receive(handover: number, port: MessagePort | null): Promise<number>
  /** From here on these are told of sessions, and no others. */
  wantSessionEvents(kinds: readonly SessionEventKind[]): Promise<void>
  /**
   * Gives up partitions for a handover: each one that no request is using, or stops being used within `withinMs`,
   * after every replica has acknowledged its sessions. Those that only tunnels use are not waited for; one is kept
   * as long as requests are open that may begin a session. One release passes on only so many sessions as both ends can
   * see to without keeping requests waiting.
   * @param to where their cached sessions go
   * @returns those given up, and those to go on with; the others stay owned
   */
  release(partitions: readonly Partition[], withinMs: number, to: HandoverTarget): Promise<Released>
  /** Waits until every replica has acknowledged every change, or `withinMs` is over. @returns whether it has. */
  flush(withinMs: number): Promise<boolean>
  /** Ends the actor: its thread ends after the answer. */
  stop(): Promise<void>
  stats(): Promise<WebServerStats>
}

/** A key that hosts authenticate each other with. */
export interface ClusterKey {
  /** Names the key in requests, so that several can be in use while keys are changed. */
  readonly id: string
  /** The secret itself, at least 32 characters. */
  readonly secret: string
}

/** Certificates of one end, PEM text. */
export interface ClusterTls {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** Where a session server keeps its copies: here, or behind a gateway. */
export type SessionServerBackend =
  | { readonly kind: 'memory' }
  /** `path` is a folder, absolute. */
  | { readonly kind: 'lmdb'; readonly path: string }
  /** A session server of that name on another host. The first key signs; null only within one machine. */
  | {
      readonly kind: 'remote'
      readonly url: string
      readonly keys: readonly ClusterKey[]
      readonly tls: ClusterTls | null
      /** Longest wait for an answer before the host counts as lost, ms. */
      readonly timeoutMs: number
    }
  /** An existing Redis or Valkey, or the nodes of a cluster. */
  | {
      readonly kind: 'redis'
      readonly urls: readonly string[]
      readonly prefix: string
      /** Longest wait for an answer before it counts as lost, ms. */
      readonly timeoutMs: number
    }

/** What a session server needs to start. */
export interface SessionServerStart {
  readonly name: ActorName
  readonly backend: SessionServerBackend
}

/** Counters of what one session server keeps, for /status and /metrics. */
export interface SessionServerStats {
  readonly partitions: number
  /** Live copies, tombstones not counted. */
  readonly sessions: number
  readonly tombstones: number
  /** Payload bytes of all copies. */
  readonly bytes: number
}

/** The same, with those of its actor's thread. */
export interface SessionServerActorStats extends SessionServerStats, ThreadStats {}

/** Exposed by a session server. */
export interface SessionServerControl {
  /** Opens its store, or reaches its far side. @returns the highest epoch ever claimed of each partition, by number */
  start(options: SessionServerStart): Promise<readonly Epoch[]>
  /** A port to a web server of that name, replacing an earlier one: ToReplica in, FromReplica out. */
  connect(owner: ActorName, port: MessagePort): Promise<void>
  disconnect(owner: ActorName): Promise<void>
  stop(): Promise<void>
  stats(): Promise<SessionServerActorStats>
}
