/**
 * One direction of a MessagePort: in order, nothing lost, nothing twice, as long as both ends live; but each message takes
 * its own time, so that channels overtake each other. What is sent to an actor that has ended is lost.
 */
import type { Random } from './random.js'
import type { World } from './world.js'

/** Whoever receives messages: one life of an actor. */
export interface Receiver {
  /** Ended: what arrives is lost. What it had sent still arrives elsewhere. */
  readonly dead: boolean
  /** Hung or slow until then: messages wait, in order. Virtual ms. */
  readonly pausedUntil: number
}

export class Channel<M> {
  readonly #world: World
  readonly #random: Random
  readonly #to: Receiver
  readonly #receive: (message: M) => void
  readonly #queue: M[] = []
  #lastArrival = 0

  /** @param name of its own, for its stream of chance */
  constructor(world: World, name: string, to: Receiver, receive: (message: M) => void) {
    this.#world = world
    this.#random = world.chanceOf(name)
    this.#to = to
    this.#receive = receive
  }

  send(message: M): void {
    const { timeline, parameters } = this.#world
    this.#lastArrival = Math.max(
      this.#lastArrival,
      timeline.now + delayMs(this.#random, parameters.delayMaxMs),
    )
    this.#queue.push(message)
    timeline.after(this.#lastArrival - timeline.now, () => this.#arrive())
  }

  #arrive(): void {
    if (this.#to.dead) return
    const { timeline } = this.#world
    if (this.#to.pausedUntil > timeline.now) {
      timeline.after(this.#to.pausedUntil - timeline.now, () => this.#arrive())
      return
    }
    const message = this.#queue.shift()
    if (message !== undefined) this.#receive(message)
  }
}

/** Mostly short, now and then long. @returns virtual ms */
export function delayMs(random: Random, maxMs: number): number {
  if (random.chance(0.9)) return random.between(1, 4)
  return random.between(1, maxMs)
}
