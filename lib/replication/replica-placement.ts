/**
 * Which session servers hold each partition: named when a partition is first assigned, when one of its replicas is lost
 * and when a session server comes; even, and on different machines where there is a choice. Pure.
 */
import type { ActorName, Epoch, Partition } from './ids.js'
import { addReplica, type PartitionRow, revise } from './partition-row.js'
import { chooseRelieved, chooseReplica, chooseSurplus, type MachineOf } from './placement.js'

/** Partitions of each live session server, those about to leave it not counted. Kept in step while rows change. */
export type ReplicaLoads = Map<ActorName, number>

/** The session servers that live, and the choice among them. */
export class ReplicaPlacement {
  readonly #copies: number | 'all'
  readonly #machineOf: MachineOf
  readonly #sessionServers = new Set<ActorName>()
  /** The highest epoch of each partition that a session server knew when it came up. */
  readonly #fences = new Map<ActorName, readonly Epoch[]>()

  /** @param copies session servers that hold each partition */
  constructor(copies: number | 'all', machineOf: MachineOf) {
    this.#copies = copies
    this.#machineOf = machineOf
  }

  get sessionServers(): ReadonlySet<ActorName> {
    return this.#sessionServers
  }

  onUp(name: ActorName, fences: readonly Epoch[]): void {
    this.#sessionServers.add(name)
    this.#fences.set(name, fences)
  }

  onLost(name: ActorName): void {
    this.#sessionServers.delete(name)
    this.#fences.delete(name)
  }

  /** The highest epoch of a partition that a session server knew when it came up; 0 for none. */
  fenceOf(name: ActorName, partition: Partition): Epoch {
    return this.#fences.get(name)?.[partition] ?? (0 as Epoch)
  }

  loadsOf(rows: readonly PartitionRow[]): ReplicaLoads {
    const loads = new Map<ActorName, number>([...this.#sessionServers].map(name => [name, 0]))
    for (const row of rows) {
      for (const { name } of row.replicas) {
        if (name !== row.retiring) loads.set(name, (loads.get(name) ?? 0) + 1)
      }
    }
    return loads
  }

  /** Lets the replica go that was to leave. @returns whether there was one */
  retire(row: PartitionRow): boolean {
    if (row.retiring === null) return false
    row.replicas = row.replicas.filter(({ name }) => name !== row.retiring)
    row.former.push({ name: row.retiring, epoch: row.epoch })
    row.retiring = null
    row.revision++
    return true
  }

  /** One leaves after the other, each when what it alone may have acknowledged is at the rest. */
  nameSurplus(row: PartitionRow, loads: ReplicaLoads): void {
    row.retiring = chooseSurplus(row, loads, this.#machineOf)
    revise(row)
    if (row.retiring !== null) loads.set(row.retiring, (loads.get(row.retiring) ?? 0) - 1)
  }

  /**
   * Names the first replicas in this director's life: every session server that may hold copies since before it, lest
   * any be overlooked (those too many leave when the others are up to date), and as many more as are wanted.
   */
  place(row: PartitionRow, loads: ReplicaLoads): void {
    for (const name of this.#sessionServers) {
      // Whoever knows the latest epoch was a replica in it; whoever was one knows it, since owners begin with a claim.
      if (row.epoch === 0 || this.fenceOf(name, row.partition) !== row.epoch) continue
      addReplica(row, name, true)
      loads.set(name, (loads.get(name) ?? 0) + 1)
    }
    this.fill(row, row.replicas.length === 0, loads)
    if (this.hasSurplus(row)) this.nameSurplus(row, loads)
  }

  /**
   * Names replicas until there are as many as configured.
   * @param loads partitions of each session server, kept in step
   * @returns whether any was added
   */
  fill(row: PartitionRow, synced: boolean, loads: ReplicaLoads): boolean {
    let added = false
    while (row.replicas.length < this.#wantedReplicas()) {
      const name = chooseReplica(row, this.#sessionServers, loads, this.#machineOf)
      if (name === null) break
      addReplica(row, name, synced)
      loads.set(name, (loads.get(name) ?? 0) + 1)
      added = true
    }
    if (added) revise(row)
    return added
  }

  /** Gives a session server its share of full partitions: it joins as one replica more, and another leaves when it is synced. */
  relieveBy(joined: ActorName, rows: readonly PartitionRow[], loads: ReplicaLoads): PartitionRow[] {
    const changed: PartitionRow[] = []
    const total = [...loads.values()].reduce((sum, load) => sum + load, 0)
    const share = Math.floor(total / Math.max(1, this.#sessionServers.size))
    for (const row of rows) {
      if (!row.isAssigned || row.retiring !== null || row.replicas.some(({ name }) => name === joined))
        continue
      const relieved = chooseRelieved(row, joined, loads, share, this.#machineOf)
      if (relieved === null) continue
      row.retiring = relieved
      addReplica(row, joined, false)
      revise(row)
      loads.set(relieved, (loads.get(relieved) ?? 0) - 1)
      loads.set(joined, (loads.get(joined) ?? 0) + 1)
      changed.push(row)
    }
    return changed
  }

  /** Whether more session servers hold it than are wanted. */
  hasSurplus(row: PartitionRow): boolean {
    return row.replicas.length > this.#wantedReplicas()
  }

  #wantedReplicas(): number {
    return this.#copies === 'all' ? this.#sessionServers.size : this.#copies
  }

  /** A session server that is gone leaves its partitions. @returns whether that was the last copy that was up to date */
  remove(row: PartitionRow, name: ActorName): boolean {
    const wasSynced = row.replicas.some(replica => replica.name === name && replica.synced)
    row.replicas = row.replicas.filter(replica => replica.name !== name)
    // Whoever was to leave stays: it may be the one that is left.
    row.retiring = null
    row.revision++
    if (!wasSynced || row.replicas.some(({ synced }) => synced)) return false
    row.settled = false
    return true
  }
}
