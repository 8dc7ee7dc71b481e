/**
 * Session calls from inside a web server: carried out here when this web server owns the partition, otherwise by its
 * owner, whom the director finds.
 */
import type { MessagePort } from 'node:worker_threads'
import { SessionUnavailableError } from '../../replication/errors.js'
import type { Partition } from '../../replication/ids.js'
import { BatchedPort } from '../../transport/batched-port.js'
import {
  type OwnerCall,
  type OwnerCallAnswers,
  type OwnerCalls,
  partitionOfCall,
  type SessionMessage,
} from '../../transport/session-call-messages.js'
import { AskedCalls, outcomeOf } from '../../transport/session-call-numbers.js'
import { assertSessionCall } from '../../transport/session-call-rules.js'
import type { SessionCall, SessionCallAnswers, SessionCalls } from '../../transport/session-calls.js'

/** Calls of the app that are under way at once: beyond, the app is told to try again, rather than memory be filled. */
const CALLS_MAX = 10_000

/** What carries calls out on this thread. */
export interface CallsHere {
  owns(partition: Partition): boolean
  carryOut<C extends OwnerCall>(call: C): Promise<OwnerCallAnswers[C['op']]>
}

/** All session calls of one web server, its own and those that it is asked. */
export class WebServerSessionCalls implements SessionCalls, OwnerCalls {
  readonly #here: CallsHere
  readonly #director: BatchedPort<SessionMessage, SessionMessage>
  readonly #asked = new AskedCalls()
  #ofApp = 0

  /** @param port to the director */
  constructor(here: CallsHere, port: MessagePort) {
    this.#here = here
    this.#director = new BatchedPort(port)
    this.#director.onmessage = message => this.#onMessage(message)
    this.#director.onclose = () => this.close()
  }

  async call<C extends SessionCall>(call: C): Promise<SessionCallAnswers[C['op']]> {
    assertSessionCall(call)
    if (this.#ofApp >= CALLS_MAX) {
      throw new SessionUnavailableError(
        partitionOfCall(call),
        `this web server has ${CALLS_MAX} session calls under way`,
      )
    }
    this.#ofApp++
    try {
      // The boundary: a call of the app is a call of Troupe, with the same answer.
      return (await this.ask(call)) as SessionCallAnswers[C['op']]
    } finally {
      this.#ofApp--
    }
  }

  async ask<C extends OwnerCall>(call: C): Promise<OwnerCallAnswers[C['op']]> {
    if (this.#here.owns(partitionOfCall(call))) {
      try {
        return await this.#here.carryOut(call)
      } catch (error) {
        if (!isOwnershipLost(error)) throw error
      }
    }
    return this.#asked.ask(call, number => this.#director.post({ type: 'sessionCall', number, call }))
  }

  /** The way to the director ends: nothing is answered any more. */
  close(): void {
    this.#director.close()
    this.#asked.end('this web server is stopping')
  }

  #onMessage(message: SessionMessage): void {
    if (message.type === 'sessionAnswer') {
      this.#asked.onAnswer(message)
      return
    }
    const { number, call } = message
    void outcomeOf(this.#here.carryOut(call)).then(outcome => {
      this.#director.post({ type: 'sessionAnswer', number, outcome })
    })
  }
}

function isOwnershipLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'OWNERSHIP_LOST'
}
