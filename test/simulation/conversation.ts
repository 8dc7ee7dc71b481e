/** What the simulated director and web servers say to each other: what control calls and exchanges are in the server. */
import type { Assignment, Settled } from '../../lib/replication/assignment.js'
import type { HandedOver } from '../../lib/replication/handed-over.js'
import type { ActorName, Partition, SessionId } from '../../lib/replication/ids.js'
import type { Claim } from '../../lib/replication/messages.js'
import type { ReplicaEnd } from './session-server.js'

/** What a client wants of one session, or (`list`) of the partition that it is in. */
export interface Operation {
  readonly number: number
  readonly kind: 'create' | 'increment' | 'shorten' | 'read' | 'destroy' | 'list'
  readonly id: SessionId
}

export type Answer =
  /** `expires` in ms since the Unix epoch. */
  | { readonly type: 'value'; readonly value: number; readonly expires: number }
  | { readonly type: 'listed'; readonly ids: ReadonlySet<SessionId> }
  | { readonly type: 'destroyed' }
  | { readonly type: 'absent' }
  | { readonly type: 'error'; readonly code: string }

/** Director → web server, on the control channel. */
export type Control =
  | { readonly type: 'connect'; readonly end: ReplicaEnd }
  | { readonly type: 'disconnect'; readonly replica: ActorName }
  | {
      readonly type: 'assign'
      readonly assignments: readonly Assignment[]
      /** What came past the director from whoever had the partitions before. */
      readonly handedOver: readonly HandedOver[]
    }
  | { readonly type: 'release'; readonly partitions: readonly Partition[]; readonly withinMs: number }

/** Web server → director, on the control channel. */
export interface Released {
  readonly type: 'released'
  readonly handedOver: readonly HandedOver[]
}

/** Web server → director, on the exchange channel. */
export type Report =
  | { readonly type: 'answer'; readonly number: number; readonly answer: Answer }
  | { readonly type: 'reroute'; readonly number: number }
  | { readonly type: 'settled'; readonly settled: Settled }
  | { readonly type: 'fenced'; readonly claim: Claim }
