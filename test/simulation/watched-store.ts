/** The store of memory, with a check of each change: copies never go backwards and go only for a reason. */
import { compareStamps, type SessionCopy, type Stamp } from '../../lib/replication/copy.js'
import type { ActorName, Epoch, Partition, SessionId } from '../../lib/replication/ids.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import type { DiskImage, SimulatedDisk } from './disk.js'
import type { World } from './world.js'

export interface WatchedStoreOptions {
  readonly name: ActorName
  readonly host: string
  readonly partitions: readonly Partition[]
  /** Where each change is written to. */
  readonly disk: SimulatedDisk | null
}

export class WatchedStore extends MemoryStore {
  /** While the partition is given up, copies may go that have not expired. */
  forgetting = false
  readonly #world: World
  readonly #options: WatchedStoreOptions
  /** What it holds, noted apart from what it holds it in. */
  readonly #stamps = new Map<SessionId, Stamp>()

  constructor(world: World, options: WatchedStoreOptions) {
    super()
    this.#world = world
    this.#options = options
  }

  override set(copy: SessionCopy, partition: Partition): void {
    const held = this.#stamps.get(copy.id)
    this.#stamps.set(copy.id, copy)
    this.#world.check(
      held === undefined || compareStamps(copy, held) > 0,
      () => `${this.#options.name} went backwards with ${copy.id}`,
    )
    super.set(copy, partition)
    this.#world.holders.onHeld(this.#options.name, copy.id, copy)
    this.#options.disk?.record({ type: 'copy', copy, partition })
  }

  override delete(id: SessionId, partition: Partition): void {
    const { name, host, disk } = this.#options
    const held = this.get(id, partition)
    const expired = held === undefined || held.expires <= this.#world.clocks.now(host)
    this.#world.check(expired || this.forgetting, () => `${name} deleted ${id}, which had not expired`)
    this.#stamps.delete(id)
    super.delete(id, partition)
    disk?.record({ type: 'delete', id, partition })
  }

  override raiseFence(partition: Partition, epoch: Epoch): void {
    super.raiseFence(partition, epoch)
    this.#options.disk?.record({ type: 'fence', partition, epoch: this.fence(partition) })
  }

  /** The highest epoch known of each partition, by number. */
  fences(): Epoch[] {
    const fences: Epoch[] = []
    for (const partition of this.#options.partitions) fences[partition] = this.fence(partition)
    return fences
  }

  /** Begins with what a disk held. */
  restore(copies: DiskImage['copies'], fences: DiskImage['fences']): void {
    for (const { copy, partition } of copies.values()) {
      this.#stamps.set(copy.id, copy)
      super.set(copy, partition)
    }
    for (const [partition, epoch] of fences) super.raiseFence(partition, epoch)
  }

  /** @returns the copies of a partition that no clock has seen expire, in an order that can be compared */
  alive(partition: Partition): SessionCopy[] {
    return [...this.inPartition(partition)]
      .filter(copy => copy.expires > this.#world.clocks.latest)
      .sort((a, b) => (a.id < b.id ? -1 : 1))
  }
}
