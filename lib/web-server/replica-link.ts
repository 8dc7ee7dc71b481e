/**
 * The way from an owner to one replica: messages, and for changes of sessions a log in shared memory where the replica
 * offers one. Who appended to the log, and is not fenced then, knows that the replica holds it.
 */
import type { Mutation } from '../replication/copy.js'
import type { FromReplica, ToReplica } from '../replication/messages.js'
import { EndGate } from '../transport/end-gate.js'
import { FenceBoard } from '../transport/fence-board.js'
import { MutationLogWriter } from '../transport/mutation-log.js'
import type { LogOffered } from '../transport/replica-wire.js'

export interface ReplicaLinkEffects {
  /** Sends a message. */
  post(message: ToReplica): void
  /** The replica sleeps, and something is in its log. */
  wake(): void
}

interface Log {
  readonly writer: MutationLogWriter
  readonly board: FenceBoard
  readonly endGate: EndGate
}

export class ReplicaLink {
  readonly #effects: ReplicaLinkEffects
  #log: Log | null = null
  #held: FromReplica[] = []
  /**
   * Messages that have no answer yet. What is sent meanwhile goes as a message, too: the rules rely on answers in the
   * order of messages. Who has read a session before it was destroyed, say, hears so before the end of the destroyed one.
   */
  #unanswered = 0
  /** A replica that is about to forget a partition must do so before it is sent something of it again. */
  #isForgetting = false

  constructor(effects: ReplicaLinkEffects) {
    this.#effects = effects
  }

  /** Whether the replica has offered a log. */
  get hasLog(): boolean {
    return this.#log !== null
  }

  onOffer({ log, board, endGate }: LogOffered): void {
    this.#log = {
      writer: new MutationLogWriter(log),
      board: new FenceBoard(board),
      endGate: new EndGate(endGate),
    }
  }

  /** An answer that came as a message. */
  onAnswer(answer: FromReplica): void {
    if (answer.type !== 'digest' || !answer.more) this.#unanswered--
  }

  send(message: ToReplica): void {
    switch (message.type) {
      case 'apply':
        if (this.#append(message)) return
        // Its answer tells whether the order to forget was heeded, too.
        this.#isForgetting = false
        this.#unanswered++
        break
      case 'read':
      case 'list':
        this.#unanswered++
        break
      case 'forget':
        this.#isForgetting = true
        break
    }
    this.#effects.post(message)
  }

  /** @returns the answers to what went into the log since the last call */
  takeAnswers(): readonly FromReplica[] {
    if (this.#held.length === 0) return NONE
    const held = this.#held
    this.#held = []
    return held
  }

  /** @returns false when it must go as a message: it may be in the log besides, which does no harm */
  #append({ batch, mutations }: Extract<ToReplica, { type: 'apply' }>): boolean {
    const log = this.#log
    if (log === null || this.#unanswered > 0 || this.#isForgetting) return false
    if (isFenced(log, mutations) || !log.writer.append(mutations)) return false
    if (log.board.wake()) this.#effects.wake()
    // After the appending, whatever was seen before: see fence-board.ts.
    if (log.writer.isClosed || log.endGate.isClosed || isFenced(log, mutations)) return false
    this.#held.push({ type: 'applied', batch, fenced: NONE })
    return true
  }
}

function isFenced({ board }: Log, mutations: readonly Mutation[]): boolean {
  for (const { partition, authority } of mutations) if (board.fences(partition, authority)) return true
  return false
}

const NONE: readonly never[] = []
