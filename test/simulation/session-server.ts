/** A session server: the real replica over a store that watches its every change. */
import { compareStamps, type SessionCopy } from '../../lib/replication/copy.js'
import type { ActorName, Epoch, Partition, SessionId } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { Replica } from '../../lib/replication/replica.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import type { Receiver } from './channel.js'
import type { World } from './world.js'

/** Time between two sweeps, virtual ms. */
const TICK_MS = 500
/** Sweeps in one tick: the replica's own pace is meant for more partitions and more time than a schedule has. */
const SWEEPS_PER_TICK = 64

/** One life of a session server. */
export class SimulatedSessionServer implements Receiver {
  readonly name: ActorName
  readonly store: WatchedStore
  dead = false
  pausedUntil = 0
  readonly #world: World
  readonly #replica: Replica

  constructor(world: World, name: ActorName, partitions: readonly Partition[], image: DiskImage | null) {
    this.name = name
    this.#world = world
    this.store = new WatchedStore(world, name, partitions)
    if (image !== null) this.store.restore(image)
    this.#replica = new Replica(this.store)
    if (world.parameters.ttlMs < world.parameters.durationMs) this.#planTick()
  }

  receive(message: ToReplica, answer: (answer: FromReplica) => void): void {
    const { timeline, parameters, random } = this.#world
    this.store.forgetting = message.type === 'forget'
    if (message.type === 'apply' && parameters.deliberateFault === 'ack-before-apply') {
      answer({ type: 'applied', batch: message.batch, fenced: [] })
      timeline.after(random.between(1, 400), () => {
        if (!this.dead) this.#replica.onMessage(message, timeline.now)
      })
      return
    }
    const epochs =
      message.type === 'apply' ? message.mutations.map(m => this.store.trueFence(m.partition)) : []
    for (const each of this.#replica.onMessage(message, timeline.now)) {
      const checked = parameters.deliberateFault !== 'no-tombstones'
      if (checked && each.type === 'applied' && message.type === 'apply')
        this.#checkFencing(message, epochs, each)
      answer(each)
    }
    this.store.forgetting = false
  }

  #checkFencing(
    { mutations }: Extract<ToReplica, { type: 'apply' }>,
    fences: readonly Epoch[],
    { fenced }: Extract<FromReplica, { type: 'applied' }>,
  ): void {
    mutations.forEach(({ id, partition, authority, epoch, version }, index) => {
      const refused = authority < (fenced.find(claim => claim.partition === partition)?.epoch ?? 0)
      this.#world.check(
        refused || authority >= (fences[index] ?? 0),
        () => `${this.name} took a mutation of ${id} in epoch ${authority}, fenced by ${fences[index]}`,
      )
      const held = this.store.get(id, partition)
      const holds = held !== undefined && compareStamps(held, { epoch, version }) >= 0
      this.#world.check(refused || holds, () => `${this.name} acknowledged ${id} but does not hold it`)
    })
  }

  #planTick(): void {
    const { timeline } = this.#world
    timeline.after(TICK_MS, () => {
      if (this.dead) return
      for (let sweep = 0; sweep < SWEEPS_PER_TICK; sweep++) this.#replica.onTick(timeline.now)
      this.#planTick()
    })
  }
}

/** What a durable store would still have after a crash. */
export interface DiskImage {
  /** When it was written, virtual ms. */
  readonly at: number
  readonly copies: readonly (readonly [SessionCopy, Partition])[]
  readonly fences: readonly (readonly [Partition, Epoch])[]
}

/** The store of memory, with a check of each change: copies never go backwards and go only for a reason. */
export class WatchedStore extends MemoryStore {
  /** While the partition is given up, copies may go that have not expired. */
  forgetting = false
  readonly #world: World
  readonly #name: ActorName
  readonly #partitions: readonly Partition[]

  constructor(world: World, name: ActorName, partitions: readonly Partition[]) {
    super()
    this.#world = world
    this.#name = name
    this.#partitions = partitions
  }

  override set(copy: SessionCopy, partition: Partition): void {
    const held = this.get(copy.id, partition)
    this.#world.check(
      held === undefined || compareStamps(copy, held) > 0,
      () => `${this.#name} went backwards with ${copy.id}`,
    )
    const { deliberateFault } = this.#world.parameters
    if (copy.data === null && deliberateFault === 'no-tombstones') super.delete(copy.id, partition)
    else super.set(copy, partition)
  }

  override delete(id: SessionId, partition: Partition): void {
    const held = this.get(id, partition)
    const expired = held === undefined || held.expires <= this.#world.timeline.now
    this.#world.check(expired || this.forgetting, () => `${this.#name} deleted ${id}, which had not expired`)
    super.delete(id, partition)
  }

  override fence(partition: Partition): Epoch {
    if (this.#world.parameters.deliberateFault === 'no-epoch-check') return 0 as Epoch
    return super.fence(partition)
  }

  /** The fence whatever deliberate fault hides it. */
  trueFence(partition: Partition): Epoch {
    return super.fence(partition)
  }

  /** @returns what a disk would hold at this moment */
  image(): DiskImage {
    return {
      at: this.#world.timeline.now,
      copies: this.#partitions.flatMap(partition =>
        [...this.inPartition(partition)].map(copy => [copy, partition] as const),
      ),
      fences: this.#partitions.map(partition => [partition, this.fence(partition)] as const),
    }
  }

  restore({ copies, fences }: DiskImage): void {
    for (const [copy, partition] of copies) super.set(copy, partition)
    for (const [partition, epoch] of fences) this.raiseFence(partition, epoch)
  }

  /** @returns the copies of a partition that have not expired, in an order that can be compared */
  alive(partition: Partition): SessionCopy[] {
    return [...this.inPartition(partition)]
      .filter(copy => copy.expires > this.#world.timeline.now)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}
