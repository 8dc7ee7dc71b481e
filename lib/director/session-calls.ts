/**
 * Session calls at the director: its own, and those of web servers for partitions that others own. Each goes to the
 * owner; while there is none it waits; an owner that is lost, or is the owner no more, is replaced by the next.
 */
import type { MessagePort } from 'node:worker_threads'
import { SessionUnavailableError } from '../replication/errors.js'
import type { Partition } from '../replication/ids.js'
import { BatchedPort } from '../transport/batched-port.js'
import {
  type OwnerCall,
  type OwnerCallAnswers,
  type OwnerCalls,
  partitionOfCall,
  type SessionAnswerMessage,
  type SessionCallNumber,
  type SessionMessage,
} from '../transport/session-call-messages.js'
import { AskedCalls, outcomeOf } from '../transport/session-call-numbers.js'
import { assertSessionCall } from '../transport/session-call-rules.js'
import type { SessionCall, SessionCallAnswers, SessionCalls } from '../transport/session-calls.js'
import type { Router, WebServerLink } from './front/router.js'

/** Calls of the director itself that are under way at once. Those of web servers are bounded where they are made. */
const CALLS_MAX = 10_000
/** Owners that may be lost over one call: a call that kills its owner must not kill them all. */
const LOSSES_MAX = 1
/** Owners that may say that they are it no more, before the call fails: more means that the table is in motion. */
const HOPS_MAX = 3

/** What session calls need of the director. */
export interface DirectorSessionCallsOptions {
  readonly router: Pick<Router, 'ownerOf'>
  /** Longest wait for a partition to have an owner, ms; as of requests. */
  readonly parkTimeoutMs: number
  /** Longest wait for an owner that lives to answer, ms. */
  readonly answerTimeoutMs: number
}

/** One call on its way. */
interface Relayed {
  readonly number: SessionCallNumber
  readonly call: OwnerCall
  readonly partition: Partition
  /** Who was asked; null while the partition has no owner. */
  link: WebServerLink | null
  /** The number under which it was sent to that one. */
  dispatch: SessionCallNumber
  timer: NodeJS.Timeout | undefined
  losses: number
  hops: number
}

/** All session calls that the director has to do with. */
export class DirectorSessionCalls implements SessionCalls, OwnerCalls {
  readonly #options: DirectorSessionCallsOptions
  readonly #asked = new AskedCalls()
  readonly #ports = new Map<WebServerLink, BatchedPort<SessionMessage, SessionMessage>>()
  /** In the order in which they were asked. */
  readonly #relayed = new Map<SessionCallNumber, Relayed>()
  /** Numbers towards owners are of this object, one for each dispatch: late answers of an earlier one find nobody. */
  readonly #dispatched = new Map<SessionCallNumber, Relayed>()
  #lastDispatch: SessionCallNumber = 0
  #own = 0
  #closed = false

  constructor(options: DirectorSessionCallsOptions) {
    this.#options = options
  }

  async call<C extends SessionCall>(call: C): Promise<SessionCallAnswers[C['op']]> {
    assertSessionCall(call)
    if (this.#own >= CALLS_MAX) {
      throw new SessionUnavailableError(
        partitionOfCall(call),
        `there are ${CALLS_MAX} session calls under way`,
      )
    }
    this.#own++
    try {
      // The boundary: a call of the app is a call of Troupe, with the same answer.
      return (await this.ask(call)) as SessionCallAnswers[C['op']]
    } finally {
      this.#own--
    }
  }

  ask<C extends OwnerCall>(call: C): Promise<OwnerCallAnswers[C['op']]> {
    return this.#asked.ask(call, number => {
      const partition = partitionOfCall(call)
      const relayed: Relayed = {
        ...{ number, call, partition, link: null, dispatch: 0 },
        ...{ timer: undefined, losses: 0, hops: 0 },
      }
      this.#relayed.set(number, relayed)
      this.#route(relayed)
    })
  }

  /** A web server runs: from here on it can ask, and be asked. */
  connect(link: WebServerLink, messagePort: MessagePort): void {
    const port = new BatchedPort<SessionMessage, SessionMessage>(messagePort)
    port.onmessage = message => this.#onMessage(port, message)
    this.#ports.set(link, port)
  }

  /** A web server is gone; the router does not name it any more. */
  ownerLost(link: WebServerLink): void {
    const port = this.#ports.get(link)
    this.#ports.delete(link)
    if (port !== undefined) port.onmessage = null
    port?.close()
    for (const relayed of this.#relayed.values()) {
      if (relayed.link !== link) continue
      this.#recall(relayed)
      if (relayed.losses++ < LOSSES_MAX) this.#route(relayed)
      else this.#fail(relayed, 'the web servers that were to answer were lost')
    }
  }

  /** Partitions have owners again. */
  ownerChanged(partitions: ReadonlySet<Partition>): void {
    for (const relayed of this.#relayed.values()) {
      if (relayed.link === null && partitions.has(relayed.partition)) this.#route(relayed)
    }
  }

  /** The cluster has stopped: nobody answers any more. */
  close(): void {
    this.#closed = true
    for (const link of this.#ports.keys()) this.ownerLost(link)
    for (const relayed of this.#relayed.values()) this.#fail(relayed, 'the cluster has stopped')
  }

  #onMessage(port: BatchedPort<SessionMessage, SessionMessage>, message: SessionMessage): void {
    if (message.type === 'sessionAnswer') {
      this.#onAnswer(message)
      return
    }
    const { number, call } = message
    // To a web server that has ended meanwhile nothing is sent: its port is closed.
    void outcomeOf(this.ask(call)).then(outcome => port.post({ type: 'sessionAnswer', number, outcome }))
  }

  #onAnswer({ number, outcome }: SessionAnswerMessage): void {
    const relayed = this.#dispatched.get(number)
    if (relayed === undefined) return
    this.#recall(relayed)
    const isOwner = !('error' in outcome) || outcome.error.code !== 'OWNERSHIP_LOST'
    if (!isOwner && relayed.hops++ < HOPS_MAX) {
      this.#route(relayed)
      return
    }
    this.#forget(relayed)
    this.#asked.onAnswer({ type: 'sessionAnswer', number: relayed.number, outcome })
  }

  #route(relayed: Relayed): void {
    const { router, parkTimeoutMs, answerTimeoutMs } = this.#options
    if (this.#closed) {
      this.#fail(relayed, 'the cluster has stopped')
      return
    }
    const link = router.ownerOf(relayed.partition)
    if (link === null) {
      relayed.timer ??= this.#failLater(relayed, parkTimeoutMs, 'no web server could take the call in time')
      return
    }
    clearTimeout(relayed.timer)
    relayed.timer = this.#failLater(relayed, answerTimeoutMs, 'its web server did not answer in time')
    relayed.link = link
    relayed.dispatch = ++this.#lastDispatch
    this.#dispatched.set(relayed.dispatch, relayed)
    this.#ports.get(link)?.post({ type: 'sessionCall', number: relayed.dispatch, call: relayed.call })
  }

  #failLater(relayed: Relayed, ms: number, reason: string): NodeJS.Timeout {
    return setTimeout(() => this.#fail(relayed, reason), ms)
  }

  /** Takes a call back from whoever was asked. */
  #recall(relayed: Relayed): void {
    this.#dispatched.delete(relayed.dispatch)
    relayed.link = null
    clearTimeout(relayed.timer)
    relayed.timer = undefined
  }

  #fail(relayed: Relayed, reason: string): void {
    this.#forget(relayed)
    this.#asked.fail(relayed.number, reason)
  }

  /** The last of every path: nothing refers to it afterwards. */
  #forget(relayed: Relayed): void {
    this.#recall(relayed)
    this.#relayed.delete(relayed.number)
  }
}
