/** Answers in the order of the questions, however long each takes: owners rely on it. */
import type { FromReplica } from '../../replication/messages.js'

type Send = (answer: FromReplica) => void

interface Place {
  answers: readonly FromReplica[] | null
  readonly send: Send
}

/** A queue of places, taken when a message comes and filled when its answers are known. */
export class OrderedAnswers {
  readonly #places: Place[] = []

  /** @returns fills the place, and sends whatever is due now */
  takePlace(send: Send): (answers: readonly FromReplica[]) => void {
    const place: Place = { answers: null, send }
    this.#places.push(place)
    return answers => {
      place.answers = answers
      this.#sendDue()
    }
  }

  #sendDue(): void {
    for (
      let first = this.#places[0];
      first !== undefined && first.answers !== null;
      first = this.#places[0]
    ) {
      this.#places.shift()
      for (const answer of first.answers) first.send(answer)
    }
  }
}
