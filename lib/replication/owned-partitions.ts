/** The partitions that a web server owns, as it was told last: in which epoch, with which replicas. Pure. */
import type { ReplicaView } from './acknowledgements.js'
import type { AssignedReplica, Assignment } from './assignment.js'
import type { ActorName, Epoch, Partition } from './ids.js'

/** One partition that is owned here. */
export interface Owned {
  readonly assignment: Assignment
  /** The replicas of the assignment that can be reached now. */
  readonly reachable: readonly ActorName[]
  /** Neither a resync nor a handover has filled the cache: what it does not hold is read ahead by the next resync. */
  readonly cold: boolean
}

/** How a partition ended that was owned here. */
export interface End {
  readonly epoch: Epoch
  readonly wasReleased: boolean
}

const NEVER: End = { epoch: 0 as Epoch, wasReleased: false }

/** What an assignment is to an owner. */
export type News =
  /** The partition was not owned here, or in an epoch that is over. */
  | 'begins'
  /** It is owned here already: with these replicas from now on. */
  | 'goes-on'
  /** It was to go on, but was given up here: the director does not know yet. */
  | 'given-up'
  /** Something newer is known. */
  | 'late'

export class OwnedPartitions implements ReplicaView {
  readonly #acks: 'none' | 'one' | 'all'
  readonly #owned = new Map<Partition, Owned>()
  /** The last epoch of each partition that ended here: an assignment of it that is still on its way means nothing. */
  readonly #ended = new Map<Partition, End>()

  /** @param acks how many replicas must hold a change */
  constructor(acks: 'none' | 'one' | 'all') {
    this.#acks = acks
  }

  get size(): number {
    return this.#owned.size
  }

  get(partition: Partition): Owned | undefined {
    return this.#owned.get(partition)
  }

  /** What a new assignment means; nothing changes by the question. */
  newsOf({ partition, epoch, revision, continues }: Assignment): News {
    const current = this.#owned.get(partition)?.assignment
    const isOver = epoch <= this.endOf(partition).epoch
    if (current === undefined) {
      if (isOver) return 'late'
      return continues ? 'given-up' : 'begins'
    }
    if (continues && epoch === current.epoch + 1) return 'goes-on'
    if (epoch > current.epoch) return isOver ? 'late' : 'begins'
    return epoch < current.epoch || revision < current.revision ? 'late' : 'goes-on'
  }

  set(owned: Owned): void {
    this.#owned.set(owned.assignment.partition, owned)
  }

  /** It is not owned here any more. @param wasReleased the director has asked for it */
  end(partition: Partition, epoch: Epoch, wasReleased = false): void {
    this.#owned.delete(partition)
    this.#ended.set(partition, { epoch, wasReleased })
  }

  /** How it ended here last. */
  endOf(partition: Partition): End {
    return this.#ended.get(partition) ?? NEVER
  }

  /** A replica can't be reached any more. @returns the partitions that have it */
  withdraw(replica: ActorName): Set<Partition> {
    const affected = new Set<Partition>()
    for (const { partition } of this.assignmentsWith(replica)) {
      affected.add(partition)
      const owned = this.#owned.get(partition)
      if (owned === undefined) continue
      this.set({ ...owned, reachable: owned.reachable.filter(name => name !== replica) })
    }
    return affected
  }

  assignmentsWith(replica: ActorName): Assignment[] {
    const assignments: Assignment[] = []
    for (const { assignment } of this.#owned.values()) {
      if (assignment.replicas.some(({ name }) => name === replica)) assignments.push(assignment)
    }
    return assignments
  }

  /** All its replicas hold the same. */
  settle(partition: Partition): void {
    const owned = this.#owned.get(partition)
    if (owned === undefined) return
    const replicas = owned.assignment.replicas.map(({ name }): AssignedReplica => ({ name, synced: true }))
    const assignment = { ...owned.assignment, replicas, settled: true }
    this.set({ assignment, reachable: owned.reachable, cold: false })
  }

  replicasOf(partition: Partition): readonly ActorName[] {
    return this.#owned.get(partition)?.reachable ?? []
  }

  retiringOf(partition: Partition): ActorName | null {
    const replicas = this.#owned.get(partition)?.assignment.replicas
    return replicas?.find(({ retiring }) => retiring === true)?.name ?? null
  }

  requiredFor(partition: Partition): number {
    switch (this.#acks) {
      case 'none':
        return 0
      case 'one':
        return 1
      case 'all':
        return Math.max(1, this.#countedOf(partition))
    }
  }

  /** The replicas whose acknowledgements count. */
  #countedOf(partition: Partition): number {
    const retiring = this.retiringOf(partition)
    let counted = 0
    for (const name of this.replicasOf(partition)) if (name !== retiring) counted++
    return counted
  }
}
