/** The only source of chance in a simulation: the same seed gives the same schedule on every machine. */
import { crc32 } from 'node:zlib'

/** Numbers by a 32-bit linear step whose state is then mixed: small, quick, and even enough to draw faults. */
export class Random {
  #state: number

  constructor(seed: number) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1)
  }

  /** @returns a stream of its own: the same for the same seed and name, whatever else is drawn */
  static of(seed: number, name: string): Random {
    return new Random(crc32(name, seed >>> 0))
  }

  /** @returns from 0 up to, but not including, 1 */
  next(): number {
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x45d9f3b)
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }

  /** @returns an integer from `from` to `to`, both included */
  between(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1))
  }

  chance(probability: number): boolean {
    return this.next() < probability
  }

  /** @returns one of the items, or undefined when there is none */
  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.next() * items.length)]
  }

  /** @returns one of the items, of which there is at least one */
  oneOf<T>(first: T, ...others: readonly T[]): T {
    return this.pick([first, ...others]) ?? first
  }
}
