/**
 * One life of a gateway: web servers talk to it as to a session server on their own host; it sends what they say to
 * another host, as numbered parts of one stream. Requests and answers take their own time, so parts overtake each other,
 * and they may be lost: whatever fails ends the gateway, which the director takes for the loss of the session server.
 */
import type { ActorName } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { delayMs } from './channel.js'
import type { Part, PartAnswered, SimulatedStream } from './message-stream.js'
import type { Random } from './random.js'
import type { Answer, ReplicaEnd } from './session-server.js'
import type { World } from './world.js'

/** Parts on their way at once, and messages in one. */
const PARTS_ON_THEIR_WAY_MAX = 4
const MESSAGES_PER_PART_MAX = 64
/** How often a gateway that is not spoken to asks whether its host is there, as a share of its patience. */
const PROBES_PER_TIMEOUT = 3

/** What is between two hosts. */
export class Wire {
  /** Requests are lost until then, virtual ms. */
  thereCutUntil = 0
  /** Answers are lost until then, virtual ms. */
  backCutUntil = 0
  /** The next part comes twice. */
  duplicatesNext = false
}

export interface GatewayOptions {
  readonly name: ActorName
  readonly life: number
  readonly wire: Wire
  readonly stream: SimulatedStream
  /** It has ended by itself. */
  onFailed(why: string): void
}

export class SimulatedGateway implements ReplicaEnd {
  readonly name: ActorName
  dead = false
  pausedUntil = 0
  readonly #world: World
  readonly #options: GatewayOptions
  readonly #random: Random
  readonly #queue: { readonly message: ToReplica; readonly answer: Answer }[] = []
  /** Who waits for the answers of each part, oldest first, and the answers that came before their turn. */
  readonly #sent = new Map<number, readonly Answer[]>()
  readonly #early = new Map<number, readonly (readonly FromReplica[])[]>()
  #parts = 0
  #nextAnswered = 1

  constructor(world: World, options: GatewayOptions) {
    this.name = options.name
    this.#world = world
    this.#options = options
    this.#random = world.chanceOf(`gateway ${options.name} ${options.life}`)
    this.#planProbe()
  }

  receive(message: ToReplica, answer: Answer): void {
    this.#queue.push({ message, answer })
    this.#sendParts()
  }

  #sendParts(): void {
    while (this.#queue.length > 0 && this.#sent.size < PARTS_ON_THEIR_WAY_MAX) {
      const taken = this.#queue.splice(0, MESSAGES_PER_PART_MAX)
      const part = { number: ++this.#parts, messages: taken.map(({ message }) => message) }
      this.#sent.set(
        part.number,
        taken.map(({ answer }) => answer),
      )
      const { wire } = this.#options
      const times = wire.duplicatesNext ? 2 : 1
      wire.duplicatesNext = false
      for (let time = 0; time < times; time++) this.#post(part)
      this.#expect(() => this.#nextAnswered > part.number, `part ${part.number}`)
    }
  }

  #post(part: Part): void {
    this.#pass('thereCutUntil', () => this.#arrive(part))
  }

  /** At the far host, whose session server may be slow. */
  #arrive(part: Part): void {
    const { timeline } = this.#world
    const { stream } = this.#options
    if (stream.server.pausedUntil > timeline.now && !stream.server.dead) {
      timeline.after(stream.server.pausedUntil - timeline.now, () => this.#arrive(part))
      return
    }
    const answered: PartAnswered = answers => this.#pass('backCutUntil', () => this.#onAnswers(part, answers))
    stream.onPart(part, answered)
  }

  #onAnswers(part: Part, answers: readonly (readonly FromReplica[])[] | null): void {
    if (this.dead) return
    const { timeline } = this.#world
    if (this.pausedUntil > timeline.now) {
      timeline.after(this.pausedUntil - timeline.now, () => this.#onAnswers(part, answers))
      return
    }
    if (answers === null) {
      this.#fail(`part ${part.number} was refused`)
      return
    }
    this.#early.set(part.number, answers)
    for (
      let due = this.#early.get(this.#nextAnswered);
      due !== undefined;
      due = this.#early.get(this.#nextAnswered)
    ) {
      const takers = this.#sent.get(this.#nextAnswered)
      this.#early.delete(this.#nextAnswered)
      this.#sent.delete(this.#nextAnswered++)
      due.forEach((ofMessage, index) => {
        for (const answer of ofMessage) takers?.[index]?.(answer)
      })
    }
    this.#sendParts()
  }

  /** Over the network: in its own time, and not at all while it is cut. */
  #pass(way: 'thereCutUntil' | 'backCutUntil', arrive: () => void): void {
    const { timeline, parameters } = this.#world
    timeline.after(delayMs(this.#random, parameters.delayMaxMs), () => {
      if (this.#options.wire[way] <= timeline.now) arrive()
    })
  }

  /** Fails when something has not happened in time. */
  #expect(happened: () => boolean, what: string): void {
    const { timeline, parameters } = this.#world
    timeline.after(parameters.gatewayTimeoutMs, () => {
      if (!happened()) this.#fail(`${what} was not answered in time`)
    })
  }

  #planProbe(): void {
    const { timeline, parameters } = this.#world
    timeline.after(Math.ceil(parameters.gatewayTimeoutMs / PROBES_PER_TIMEOUT), () => {
      if (this.dead) return
      let answered = false
      this.#pass('thereCutUntil', () => {
        const isLost = this.#options.stream.server.dead
        this.#pass('backCutUntil', () => {
          answered = true
          if (isLost) this.#fail('its session server is lost')
        })
      })
      this.#expect(() => answered, 'a probe')
      this.#planProbe()
    })
  }

  #fail(why: string): void {
    if (this.dead) return
    this.dead = true
    this.#options.onFailed(why)
  }
}
