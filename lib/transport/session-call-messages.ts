/**
 * The conversation between the director and one web server about session calls, on a port of its own: calls from a web
 * server to the director, from the director to the owner, and the answers back. Each end numbers the calls that it asks.
 */
import { type Partition, partitionOf, type SessionId } from '../replication/ids.js'
import type { SessionCall, SessionCallAnswers } from './session-calls.js'
import type { WireError } from './wire-error.js'

/** Names one call among those that its sender has asked on one port. */
export type SessionCallNumber = number

/** What owners ask of each other for the index of sessions; `id` of the first three is an index record's. */
export type IndexCall =
  /** Lists a session in the record until `expires` at least, and if something has to be written for it, until `until`. */
  | {
      readonly op: 'indexAdd'
      readonly id: SessionId
      readonly session: SessionId
      readonly expires: number
      readonly until: number
    }
  /** The session has ended. */
  | { readonly op: 'indexRemove'; readonly id: SessionId; readonly session: SessionId }
  /** The sessions that a record lists: some may have ended, or hold another value now. */
  | { readonly op: 'indexRead'; readonly id: SessionId }
  /** Whether a session is alive and belongs in a record: by its newest state, acknowledged or not. */
  | { readonly op: 'belongs'; readonly id: SessionId; readonly record: SessionId }

/** The answer to each {@link IndexCall}. */
export interface IndexCallAnswers {
  /** Until when the session is listed. */
  readonly indexAdd: number
  readonly indexRemove: null
  readonly indexRead: readonly SessionId[]
  readonly belongs: boolean
}

/** Everything that the owner of a partition can be asked. */
export type OwnerCall = SessionCall | IndexCall

/** The answer to each {@link OwnerCall}. */
export interface OwnerCallAnswers extends SessionCallAnswers, IndexCallAnswers {}

/** What came of a call. */
export type SessionCallOutcome =
  | { readonly answer: OwnerCallAnswers[OwnerCall['op']] }
  | { readonly error: WireError }

/** Both ways: a call. The director passes on those of web servers, and has some of its own. */
export interface SessionCallMessage {
  readonly type: 'sessionCall'
  readonly number: SessionCallNumber
  readonly call: OwnerCall
}

/** Both ways: the answer to the call of that number. */
export interface SessionAnswerMessage {
  readonly type: 'sessionAnswer'
  readonly number: SessionCallNumber
  readonly outcome: SessionCallOutcome
}

/** Both ways. */
export type SessionMessage = SessionCallMessage | SessionAnswerMessage

/** Carries out {@link OwnerCall}s, wherever the owner is: {@link SessionCalls} with what only Troupe itself may ask. */
export interface OwnerCalls {
  ask<C extends OwnerCall>(call: C): Promise<OwnerCallAnswers[C['op']]>
}

/** @returns whose owner carries the call out */
export function partitionOfCall(call: OwnerCall): Partition {
  return call.op === 'ids' ? call.partition : partitionOf(call.id)
}
