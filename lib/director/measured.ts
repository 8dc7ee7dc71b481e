/** What a cluster tells of itself: the types of its figures and events, for whoever shows them, the browser included. */
import type { SessionServerConfig } from '../config/schema.js'
import type { SessionServerActorStats, WebServerStats } from '../transport/actor-control.js'
import type { DurationCounts } from '../transport/histogram.js'
import type { ThreadStats } from '../transport/thread-stats.js'

/** State of an actor. */
export type ActorState = 'starting' | 'running' | 'draining' | 'down'

/** An actor, as the director sees it, with what it tells of itself. */
interface MeasuredActor<Stats> {
  readonly name: string
  readonly state: ActorState
  readonly restarts: number
  /** Null when it is down, starting or silent. */
  readonly stats: Stats | null
}

/** One web server. */
export interface WebServerMeasures extends MeasuredActor<WebServerStats> {
  readonly partitions: number
  readonly requestsInFlight: number
}

/** One session server. */
export interface SessionServerMeasures extends MeasuredActor<SessionServerActorStats> {
  readonly host: string | null
  readonly store: SessionServerConfig['store']['kind']
  /** Partitions of which it holds a synced copy. */
  readonly partitions: number
}

/** All figures of one moment. */
export interface ClusterMeasures {
  readonly director: ThreadStats & {
    readonly uptimeMs: number
    readonly state: 'running' | 'stopping'
    readonly requestsInFlight: number
    readonly parked: number
    readonly connections: number
    readonly tunnels: number
    /** Memory of the whole process, all threads included. */
    readonly residentBytes: number
  }
  /** Upper bounds of the buckets of all durations but the last, ms. */
  readonly durationBoundsMs: readonly number[]
  readonly traffic: readonly WebServerTraffic[]
  readonly webServers: readonly WebServerMeasures[]
  readonly sessionServers: readonly SessionServerMeasures[]
  readonly partitions: { readonly total: number; readonly unowned: number; readonly underCopied: number }
  readonly observed: ObservedCounts
  readonly tableVersion: number
}

/** Where every partition is, compact: actors are named by their place in the lists, copies by bits of a number. */
export interface PartitionMap {
  readonly version: number
  readonly webServers: readonly string[]
  readonly sessionServers: readonly string[]
  /** By partition: the owner's place in `webServers`, -1 for none. */
  readonly owners: readonly number[]
  /** By partition: bit n is set when session server n holds it up to date. */
  readonly synced: readonly number[]
  /** By partition: bit n is set when session server n holds it or is being brought up to date. */
  readonly replicas: readonly number[]
}

/** What one web server answered, or, under the name null, what no web server did. */
export interface WebServerTraffic {
  readonly webServer: string | null
  /** Requests by `METHOD_CLASSES` of front/traffic.ts and, within each, by its `OUTCOMES`. */
  readonly requests: readonly (readonly number[])[]
  /** From the request's head to the last byte of its answer handed to the connection, by `METHOD_CLASSES`; tunnels left out. */
  readonly durations: readonly DurationCounts[]
}

/** How an actor ended: as asked, of an error, or by the director's hand. */
export type ActorEndHow = 'stopped' | 'crashed' | 'killed'

/** What kind of actor it is. */
export type ActorRole = 'web-server' | 'session-server'

/** Something that happened. */
export type Observed =
  | { readonly type: 'actor:started'; readonly actor: string; readonly role: ActorRole }
  | {
      readonly type: 'actor:ended'
      readonly actor: string
      readonly role: ActorRole
      readonly how: ActorEndHow
      /** Why, as one line; null when it was stopped as asked. */
      readonly reason: string | null
    }
  /** The partitions of a lost web server have new owners, and their requests go on. */
  | {
      readonly type: 'takeover'
      readonly from: string
      readonly partitions: number
      readonly durationMs: number
    }
  | {
      readonly type: 'handover'
      readonly from: string
      readonly to: string
      readonly partitions: number
      readonly durationMs: number
    }
  /** So many partitions have fewer synced copies than configured now, or are not settled. */
  | { readonly type: 'under-copied'; readonly partitions: number }
  /** None has any more. @param durationMs since the first had */
  | { readonly type: 'resynced'; readonly durationMs: number }

/** Counts of what happened since the director started. */
export interface ObservedCounts {
  /** Ended actors by name and how. */
  readonly ends: readonly { readonly actor: string; readonly how: ActorEndHow; readonly count: number }[]
  readonly takeovers: DurationCounts
  readonly takeoverPartitions: number
  readonly handovers: DurationCounts
  readonly handoverPartitions: number
}
