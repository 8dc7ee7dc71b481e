/**
 * Where the front sends requests at this moment: to the owner of a partition once it has confirmed its epoch, or nowhere
 * while the partition is between two owners. Derived from the partition table, which it follows by {@link Routes.update}.
 */
import { type ActorName, type Epoch, PARTITION_COUNT, type Partition } from '../replication/ids.js'
import type { PartitionTable } from '../replication/partition-table.js'
import type { WebServerControl } from '../transport/actor-control.js'
import type { ActorHandle } from './actors/actor-handle.js'
import type { Router, WebServerLink } from './front/router.js'

/** A web server that runs, as far as ownership is concerned. */
export interface WebServerPeer {
  readonly name: ActorName
  readonly link: WebServerLink
  readonly actor: ActorHandle<WebServerControl>
}

/** A peer with what is kept of it. */
export interface Owner extends WebServerPeer {
  /** Partitions that the front may send it. */
  routed: number
  /** It is about to end, or not in service yet: new visitors go elsewhere, and so do partitions. */
  aside: boolean
}

export class Routes implements Router {
  readonly #table: PartitionTable
  readonly #onFound: (partitions: ReadonlySet<Partition>) => void
  readonly #owners = new Map<ActorName, Owner>()
  /** Null lets requests wait. */
  readonly #links: (WebServerLink | null)[] = new Array(PARTITION_COUNT).fill(null)
  /** The epoch of each partition that its owner has confirmed. */
  readonly #confirmed = new Float64Array(PARTITION_COUNT)
  /** Partitions in the middle of a handover. */
  readonly #moving = new Set<Partition>()
  /** Turns with each visitor without a session, so that ties do not all go to the first web server. */
  #turn = 0

  /** @param onFound these partitions have a way to their owner again */
  constructor(table: PartitionTable, onFound: (partitions: ReadonlySet<Partition>) => void) {
    this.#table = table
    this.#onFound = onFound
  }

  /** The web servers that run. */
  get owners(): ReadonlyMap<ActorName, Owner> {
    return this.#owners
  }

  ownerOf(partition: Partition): WebServerLink | null {
    return this.#links[partition] ?? null
  }

  leastBusy(): WebServerLink | null {
    const owners = [...this.#owners.values()].filter(owner => owner.routed > 0)
    const inService = owners.filter(owner => !owner.aside)
    const candidates = inService.length > 0 ? inService : owners
    let best: WebServerLink | null = null
    this.#turn++
    for (let index = 0; index < candidates.length; index++) {
      const link = candidates[(index + this.#turn) % candidates.length]?.link
      if (link !== undefined && (best === null || link.inFlight < best.inFlight)) best = link
    }
    return best
  }

  add(peer: WebServerPeer, aside: boolean): void {
    this.#owners.set(peer.name, { ...peer, routed: 0, aside })
  }

  /** @returns what was kept of it */
  remove(name: ActorName): Owner | undefined {
    const owner = this.#owners.get(name)
    this.#owners.delete(name)
    return owner
  }

  /** Requests of these partitions wait from here on, until {@link endMove}. */
  beginMove(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.#moving.add(partition)
    this.update(partitions)
  }

  /** To be followed by an {@link update}. */
  endMove(partitions: readonly Partition[]): void {
    for (const partition of partitions) this.#moving.delete(partition)
  }

  isMoving(partition: Partition): boolean {
    return this.#moving.has(partition)
  }

  /** An owner knows that it owns a partition in this epoch. To be followed by an {@link update}. */
  confirm(partition: Partition, epoch: Epoch): void {
    if (epoch > (this.#confirmed[partition] ?? 0)) this.#confirmed[partition] = epoch
  }

  /** Brings the routes of these partitions up to date. */
  update(partitions: readonly Partition[]): void {
    const found = new Set<Partition>()
    for (const partition of partitions) {
      const before = this.#links[partition] ?? null
      const after = this.#routeOf(partition)
      if (before === after) continue
      this.#links[partition] = after
      this.#count(before, -1)
      this.#count(after, 1)
      if (after !== null) found.add(partition)
    }
    if (found.size > 0) this.#onFound(found)
  }

  #routeOf(partition: Partition): WebServerLink | null {
    const name = this.#table.ownerOf(partition)
    if (name === null || this.#moving.has(partition)) return null
    if (this.#confirmed[partition] !== this.#table.epochOf(partition)) return null
    return this.#owners.get(name)?.link ?? null
  }

  #count(link: WebServerLink | null, change: number): void {
    for (const owner of this.#owners.values()) if (owner.link === link) owner.routed += change
  }
}
