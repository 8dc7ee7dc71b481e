/** The servers that are compared, as whoever measures them sees them. */
import type { CpuTimes } from '../cpu.js'
import type { Scope } from '../support/scope.js'

/** A server that runs. */
export interface Peer {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string
  /** Rejects when it ends by itself. */
  readonly died: Promise<never>
  /** CPU time so far of each of its parts, ns. */
  cpuTimes(): Promise<CpuTimes>
}

/** Where servers are started. */
export interface Surroundings {
  /** Web servers of Troupe, or processes of node:cluster. */
  readonly webServers: number
  /** A folder of its own. */
  readonly folder: string
  /** Ends what was started. */
  readonly scope: Scope
  /** Ends the start. */
  readonly signal: AbortSignal
  /** A Redis that writes nothing to disk, for those that want one: the same for all of them. */
  redis(): Promise<Redis>
}

/** A redis-server that the bench has started. */
export interface Redis {
  readonly url: string
  readonly pid: number
}

/** One kind of server. */
export interface PeerKind {
  /** For the report. */
  readonly about: string
  /** Whether it keeps sessions: what has none answers all requests alike. */
  readonly hasSessions: boolean
  readonly needsRedis: boolean
  start(surroundings: Surroundings): Promise<Peer>
}
