/**
 * The far side of a gateway: hands the numbered parts of a stream to its session server in order, whatever order the
 * network brings them in, and not at all once one is missing, comes twice or comes for a stream that is over.
 */
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import type { SimulatedSessionServer } from './session-server.js'

/** Some messages of a gateway, sent as one request. */
export interface Part {
  readonly number: number
  readonly messages: readonly ToReplica[]
}

/** The answers to one part, by message; null refuses it. */
export type PartAnswered = (answers: readonly (readonly FromReplica[])[] | null) => void

export class SimulatedStream {
  readonly server: SimulatedSessionServer
  #next = 1
  #isOver = false
  readonly #waiting = new Map<number, () => void>()

  constructor(server: SimulatedSessionServer) {
    this.server = server
  }

  end(): void {
    this.#isOver = true
  }

  onPart(part: Part, answered: PartAnswered): void {
    if (this.#isOver || this.server.dead || part.number < this.#next || this.#waiting.has(part.number)) {
      this.end()
      answered(null)
      return
    }
    this.#waiting.set(part.number, () => this.#handOn(part, answered))
    for (let due = this.#take(); due !== null; due = this.#take()) due()
  }

  #take(): (() => void) | null {
    const due = this.#waiting.get(this.#next)
    if (due === undefined) return null
    this.#waiting.delete(this.#next++)
    return due
  }

  #handOn({ messages }: Part, answered: PartAnswered): void {
    const answers = messages.map((): FromReplica[] => [])
    let unanswered = messages.filter(({ type }) => type !== 'claim' && type !== 'forget').length
    if (unanswered === 0) answered(answers)
    messages.forEach((message, index) => {
      this.server.receive(message, answer => {
        answers[index]?.push(answer)
        const isLast = answer.type !== 'digest' || !answer.more
        if (isLast && --unanswered === 0) answered(answers)
      })
    })
  }
}
