/**
 * The conversation between the director and one web server about session calls, on a port of its own: calls from a web
 * server to the director, from the director to the owner, and the answers back. Each end numbers the calls that it asks.
 */
import { type Partition, partitionOf } from '../replication/ids.js'
import type { SessionCall, SessionCallAnswers } from './session-calls.js'
import type { WireError } from './wire-error.js'

/** Names one call among those that its sender has asked on one port. */
export type SessionCallNumber = number

/** Everything that the owner of a partition can be asked. */
export type OwnerCall = SessionCall

/** The answer to each {@link OwnerCall}. */
export interface OwnerCallAnswers extends SessionCallAnswers {}

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
