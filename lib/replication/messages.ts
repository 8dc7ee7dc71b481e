/**
 * The conversation between an owner (a web server) and one replica (a session server, or the gateway to one).
 * Messages of one port are handled in the order in which they were sent; every rule that relies on order says so.
 */
import type { DigestEntry, Mutation, SessionCopy } from './copy.js'
import type { Epoch, Partition, SessionId } from './ids.js'

/** A partition together with the epoch in which the sender owns it. */
export interface Claim {
  readonly partition: Partition
  readonly epoch: Epoch
}

/** Owner → replica. */
export type ToReplica =
  /** The sender owns these partitions now: mutations of earlier epochs are refused from here on. */
  | { readonly type: 'claim'; readonly claims: readonly Claim[] }
  /** Applied in order, acknowledged as a whole by `applied` with the same batch number. */
  | { readonly type: 'apply'; readonly batch: number; readonly mutations: readonly Mutation[] }
  /** Answered by `found` with one copy, or null, for each id in order. */
  | { readonly type: 'read'; readonly call: number; readonly ids: readonly SessionId[] }
  /** Answered by one or more `digest`, the last of them with `more: false`. */
  | { readonly type: 'list'; readonly call: number; readonly partition: Partition }
  /** The replica no longer belongs to this partition: forget its copies, keep the fence. Needs no answer. */
  | { readonly type: 'forget'; readonly claim: Claim }

/** Replica → owner. */
export type FromReplica =
  /**
   * The replica holds every mutation of the batch, but for those it refused, whose authority is below the epoch of
   * `fenced`: one claim for each partition of which it refused any.
   */
  | { readonly type: 'applied'; readonly batch: number; readonly fenced: readonly Claim[] }
  | { readonly type: 'found'; readonly call: number; readonly copies: readonly (SessionCopy | null)[] }
  | {
      readonly type: 'digest'
      readonly call: number
      readonly entries: readonly DigestEntry[]
      readonly more: boolean
    }
