/** A session server: the real replica over a store that watches its every change, and the disk beneath it if there is one. */
import { compareStamps, type Mutation } from '../../lib/replication/copy.js'
import type { ActorName, Epoch, Partition } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { Replica } from '../../lib/replication/replica.js'
import { OwnerLogs } from '../../lib/session-server/owner-logs.js'
import { abandonEndGate, createEndGate } from '../../lib/transport/end-gate.js'
import type { LogOffered } from '../../lib/transport/replica-wire.js'
import type { Receiver } from './channel.js'
import { type DiskImage, EMPTY_IMAGE, SimulatedDisk } from './disk.js'
import type { Random } from './random.js'
import { WatchedStore } from './watched-store.js'
import type { World } from './world.js'

/** Time between two sweeps, virtual ms. */
const TICK_MS = 500
/** Sweeps in one tick: the replica's own pace is meant for more partitions and more time than a schedule has. */
const SWEEPS_PER_TICK = 64

/** Time between two looks at the logs, at most, virtual ms: long beside that of a message, as in the server. */
const LOOK_MS_MAX = 300
/** Time until it hears that an owner is gone, at most, virtual ms. */
const TOLD_MS_MAX = 500

export type Answer = (answer: FromReplica) => void

/** What web servers talk to, and the director hears of: a session server, or the gateway to one. */
export interface ReplicaEnd extends Receiver {
  readonly name: ActorName
  pausedUntil: number
  receive(message: ToReplica, answer: Answer): void
}

/** What one life of a session server is made of. */
export interface SessionServerOptions {
  readonly name: ActorName
  readonly host: string
  readonly partitions: readonly Partition[]
  /** What its disk holds; null when it has none. */
  readonly disk: DiskImage | null
}

/** One life of a session server. */
export class SimulatedSessionServer implements ReplicaEnd {
  readonly name: ActorName
  readonly store: WatchedStore
  readonly disk: SimulatedDisk | null
  dead = false
  pausedUntil = 0
  readonly #world: World
  readonly #host: string
  readonly #random: Random
  readonly #replica: Replica
  readonly #fences = new Map<Partition, Epoch>()
  /** With a disk an owner has to wait for an answer. */
  readonly #logs: OwnerLogs | null
  readonly #promised = new Set<string>()
  #isLooking = false
  readonly #endGate = createEndGate()
  /** Answers that wait for the transaction after the one being written, and those that wait for that one. */
  #held: (() => void)[] = []

  constructor(world: World, { name, host, partitions, disk }: SessionServerOptions, life: number) {
    this.name = name
    this.#world = world
    this.#host = host
    this.#random = world.chanceOf(`${name} ${life}`)
    this.disk = disk === null ? null : new SimulatedDisk(disk)
    this.store = new WatchedStore(world, { name, host, partitions, disk: this.disk })
    const { copies, fences } = disk ?? EMPTY_IMAGE
    this.store.restore(copies, fences)
    for (const [partition, epoch] of fences) this.#fences.set(partition, epoch)
    this.#replica = new Replica(this.store)
    this.#logs =
      disk === null && world.parameters.sharesLogs
        ? new OwnerLogs(this.store.fences(), mutations => this.#takeOut(mutations))
        : null
    if (world.parameters.ttlMs < world.parameters.durationMs) this.#planTick()
  }

  /** The highest epoch that it knows of each partition, by number. */
  fences(): Epoch[] {
    return this.store.fences()
  }

  /** With a disk every answer waits for the transaction that holds what it tells of. */
  receive(message: ToReplica, answer: Answer): void {
    this.#logs?.before(message)
    this.store.forgetting = message.type === 'forget'
    const answers = this.#replica.onMessage(message, this.#world.clocks.now(this.#host))
    this.store.forgetting = false
    this.#checkFencing(message, answers)
    if (this.disk === null) {
      for (const each of answers) answer(each)
      return
    }
    this.#held.push(() => {
      for (const each of answers) answer(each)
    })
    if (!this.disk.isBusy) this.#commit(this.disk)
  }

  /** @returns a log for a new owner, small enough to be full now and then; null where there is none */
  offer(owner: string): LogOffered | null {
    if (this.#logs === null) return null
    const log = this.#logs.open(owner as ActorName, this.#random.oneOf(256, 1_024, 8_192))
    return { type: 'log', log, board: this.#logs.boardMemory, endGate: this.#endGate }
  }

  /** Its end was noticed: nothing that is written from here on counts as held. */
  closeGate(): void {
    abandonEndGate(this.#endGate)
  }

  /** The director tells it of the end of an owner, some time later. */
  onOwnerLost(owner: string): void {
    this.#world.timeline.after(this.#random.between(0, TOLD_MS_MAX), () => {
      if (!this.dead) this.#logs?.close(owner as ActorName)
    })
  }

  /** Something is in a log. */
  wake(): void {
    if (this.#logs === null || this.#isLooking) return
    this.#isLooking = true
    this.#world.timeline.after(this.#random.between(0, LOOK_MS_MAX), () => {
      if (this.dead) return
      this.#isLooking = false
      if (this.pausedUntil > this.#world.timeline.now || this.#logs?.take() || !this.#logs?.sleep())
        this.wake()
    })
  }

  /** Takes out what is in the logs now. */
  takeLogs(): void {
    this.#logs?.take()
  }

  /** An owner counts these as held, for they are in its log. */
  promise(mutations: readonly Mutation[]): void {
    for (const mutation of mutations) {
      this.#promised.add(promiseOf(mutation))
      this.#world.holders.onHeld(this.name, mutation.id, mutation)
    }
  }

  /** What an owner relies on is not refused. */
  #takeOut(mutations: readonly Mutation[]): void {
    const message = { type: 'apply', batch: 0, mutations } as const
    const answers = this.#replica.onMessage(message, this.#world.clocks.now(this.#host))
    this.#checkFencing(message, answers)
    const [applied] = answers
    for (const mutation of mutations) {
      if (applied?.type !== 'applied' || !this.#promised.delete(promiseOf(mutation))) continue
      const fence = applied.fenced.find(claim => claim.partition === mutation.partition)?.epoch ?? 0
      this.#world.check(
        mutation.authority >= fence,
        () => `${this.name} refused ${mutation.id} of its log, fenced by ${fence}, which its owner relied on`,
      )
    }
  }

  #commit(disk: SimulatedDisk): void {
    const { timeline, parameters } = this.#world
    const held = this.#held
    this.#held = []
    disk.begin()
    const committed = (): void => {
      if (this.dead) return
      if (this.pausedUntil > timeline.now) {
        timeline.after(this.pausedUntil - timeline.now, committed)
        return
      }
      disk.flushed()
      for (const tell of held) tell()
      if (this.#held.length > 0) this.#commit(disk)
    }
    timeline.after(this.#random.between(0, parameters.commitMaxMs), committed)
  }

  /** What it has taken is held, and was not fenced off by a claim or a mutation before. */
  #checkFencing(message: ToReplica, answers: readonly FromReplica[]): void {
    if (message.type === 'claim') {
      for (const { partition, epoch } of message.claims) this.#raise(partition, epoch)
    }
    const applied = answers[0]
    if (message.type !== 'apply' || applied?.type !== 'applied') return
    for (const { id, partition, authority, epoch, version } of message.mutations) {
      const refused = authority < (applied.fenced.find(claim => claim.partition === partition)?.epoch ?? 0)
      const fence = this.#fences.get(partition) ?? 0
      this.#world.check(
        refused || authority >= fence,
        () => `${this.name} took a mutation of ${id} in epoch ${authority}, fenced by ${fence}`,
      )
      const held = this.store.get(id, partition)
      const holds = held !== undefined && compareStamps(held, { epoch, version }) >= 0
      this.#world.check(refused || holds, () => `${this.name} acknowledged ${id} but does not hold it`)
      this.#raise(partition, authority)
    }
  }

  #raise(partition: Partition, epoch: Epoch): void {
    if (epoch > (this.#fences.get(partition) ?? 0)) this.#fences.set(partition, epoch)
  }

  #planTick(): void {
    const { timeline, clocks } = this.#world
    timeline.after(TICK_MS, () => {
      if (this.dead) return
      const now = clocks.now(this.#host)
      for (let sweep = 0; sweep < SWEEPS_PER_TICK; sweep++) this.#replica.onTick(now)
      this.#planTick()
    })
  }
}

function promiseOf({ id, epoch, version, authority }: Mutation): string {
  return `${id} ${epoch} ${version} ${authority}`
}
