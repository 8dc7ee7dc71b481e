/** Calls that somebody waits for, by number: the side of a session call that asks. */
import { SessionUnavailableError } from '../replication/errors.js'
import type { Partition } from '../replication/ids.js'
import { SessionCallFailedError } from './session-call-errors.js'
import {
  type OwnerCall,
  type OwnerCallAnswers,
  partitionOfCall,
  type SessionAnswerMessage,
  type SessionCallNumber,
  type SessionCallOutcome,
} from './session-call-messages.js'
import { toWireError } from './wire-error.js'

/** One call that is waited for. */
interface Asked {
  readonly partition: Partition
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
}

/** Gives each call a number, and each answer to who asked. */
export class AskedCalls {
  readonly #asked = new Map<SessionCallNumber, Asked>()
  #last: SessionCallNumber = 0
  /** Why nobody answers any more. */
  #ended: string | null = null

  /** Calls without an answer. */
  get size(): number {
    return this.#asked.size
  }

  /** @param send sends the call under this number @returns the answer; rejects as {@link fail} says */
  ask<C extends OwnerCall>(
    call: C,
    send: (number: SessionCallNumber) => void,
  ): Promise<OwnerCallAnswers[C['op']]> {
    const number = ++this.#last
    return new Promise((resolve, reject) => {
      const partition = partitionOfCall(call)
      // The boundary: the answer to a call has the type that the call says.
      const answer = (value: unknown) => resolve(value as OwnerCallAnswers[C['op']])
      this.#asked.set(number, { partition, resolve: answer, reject })
      if (this.#ended === null) send(number)
      else this.fail(number, this.#ended)
    })
  }

  /** An answer came; that to a call which is over is dropped. */
  onAnswer({ number, outcome }: SessionAnswerMessage): void {
    const asked = this.#asked.get(number)
    if (asked === undefined) return
    this.#asked.delete(number)
    if ('error' in outcome) asked.reject(new SessionCallFailedError(outcome.error))
    else asked.resolve(outcome.answer)
  }

  /** Nobody is going to answer this call: it rejects with SESSION_UNAVAILABLE. */
  fail(number: SessionCallNumber, reason: string): void {
    const asked = this.#asked.get(number)
    if (asked === undefined) return
    this.#asked.delete(number)
    asked.reject(new SessionUnavailableError(asked.partition, reason))
  }

  /** Nobody is going to answer any more, nor to be sent anything. */
  end(reason: string): void {
    this.#ended ??= reason
    for (const number of [...this.#asked.keys()]) this.fail(number, reason)
  }
}

/** @returns what came of a call as it travels back; never rejects */
export async function outcomeOf(answer: Promise<unknown>): Promise<SessionCallOutcome> {
  try {
    // The boundary: as above.
    return { answer: await answer } as SessionCallOutcome
  } catch (error) {
    return { error: toWireError(error) }
  }
}
