/**
 * Messages of owners on their way to another host, as lines: each gets a number of its own there, since the numbers of
 * two owners collide, and a batch that is too long for one body is split and acknowledged once all of it was.
 */
import type { Mutation } from '../../replication/copy.js'
import type { Claim, FromReplica, ToReplica } from '../../replication/messages.js'

/** Sends an answer to the owner that waits for it. */
export type AnswerOwner = (answer: FromReplica) => void

/** One message, or a part of one, as it is sent. */
export interface OutgoingLine {
  readonly text: string
  readonly bytes: number
  /** What the answers to it carry as `batch` or `call`; null when it has none. */
  readonly number: number | null
  /** Whether an answer is one that this message asks for. */
  accepts(answer: FromReplica): boolean
  /** Passes an answer on, or keeps it until the others that belong to it are there. */
  take(answer: FromReplica): void
}

/** Makes lines of messages. */
export class OutgoingLines {
  readonly #splitBytes: number
  #next = 1

  /** @param splitBytes a batch whose line would be longer is split, bytes; a message that can't be split may be longer */
  constructor(splitBytes: number) {
    this.#splitBytes = splitBytes
  }

  /** @returns the lines of a message in order */
  of(message: ToReplica, answer: AnswerOwner): OutgoingLine[] {
    switch (message.type) {
      case 'claim':
      case 'forget':
        return [lineOf(message, null, NO_ANSWERS)]
      case 'apply':
        return this.#ofBatch(message.batch, message.mutations, answer)
      case 'read':
        return [
          this.#ofCall(
            message,
            answer,
            from => from.type === 'found' && from.copies.length === message.ids.length,
          ),
        ]
      case 'list':
        return [this.#ofCall(message, answer, from => from.type === 'digest')]
    }
  }

  #ofCall(
    message: Extract<ToReplica, { readonly call: number }>,
    answer: AnswerOwner,
    accepts: (from: FromReplica) => boolean,
  ): OutgoingLine {
    const number = this.#next++
    const take = (from: FromReplica): void => {
      if (from.type !== 'applied') answer({ ...from, call: message.call })
    }
    return lineOf({ ...message, call: number }, number, { accepts, take })
  }

  #ofBatch(batch: number, mutations: readonly Mutation[], answer: AnswerOwner): OutgoingLine[] {
    const fenced = new Map<number, Claim>()
    let unapplied = 0
    const take = (from: FromReplica): void => {
      if (from.type !== 'applied') return
      for (const claim of from.fenced) fenced.set(claim.partition, claim)
      if (--unapplied === 0) answer({ type: 'applied', batch, fenced: [...fenced.values()] })
    }
    const lines = this.#split(mutations, { accepts: from => from.type === 'applied', take })
    unapplied = lines.length
    return lines
  }

  #split(mutations: readonly Mutation[], answers: Answers): OutgoingLine[] {
    const number = this.#next++
    const whole = lineOf({ type: 'apply', batch: number, mutations }, number, answers)
    if (whole.bytes <= this.#splitBytes || mutations.length < 2) return [whole]
    const half = mutations.length >> 1
    return [...this.#split(mutations.slice(0, half), answers), ...this.#split(mutations.slice(half), answers)]
  }
}

type Answers = Pick<OutgoingLine, 'accepts' | 'take'>

const NO_ANSWERS: Answers = { accepts: () => false, take: () => undefined }

function lineOf(message: ToReplica, number: number | null, answers: Answers): OutgoingLine {
  const text = `${JSON.stringify(message)}\n`
  return { text, bytes: Buffer.byteLength(text), number, ...answers }
}
