/** New session ids: random, unguessable, and of a partition that this web server owns. */
import { randomFillSync } from 'node:crypto'
import { type Partition, partitionOf, type SessionId } from '../../replication/ids.js'
import { SessionIdError } from './session-errors.js'

/** 192 bits: nobody guesses one. */
const ID_BYTES = 24
/** Ids drawn from one call of the random source, which costs far more than the bytes it gives. */
const POOL_IDS = 128
/** With a single partition of 1024 owned, this fails once in 10^13 times; with none it ends after some ms. */
const DRAWS_MAX = 32 * 1024

/** Draws session ids. */
export class SessionIds {
  readonly #pool = Buffer.alloc(ID_BYTES * POOL_IDS)
  readonly #fill: (pool: Buffer) => void
  #offset = this.#pool.length

  /** @param fill fills a buffer with random bytes */
  constructor(fill: (pool: Buffer) => void = randomFillSync) {
    this.#fill = fill
  }

  /** @throws SessionIdError when no drawn id falls into an owned partition */
  next(owns: (partition: Partition) => boolean): SessionId {
    for (let draw = 0; draw < DRAWS_MAX; draw++) {
      const id = this.#draw()
      if (owns(partitionOf(id))) return id as SessionId
    }
    throw new SessionIdError(DRAWS_MAX)
  }

  #draw(): string {
    if (this.#offset === this.#pool.length) {
      this.#fill(this.#pool)
      this.#offset = 0
    }
    const start = this.#offset
    this.#offset += ID_BYTES
    return this.#pool.toString('base64url', start, this.#offset)
  }
}
