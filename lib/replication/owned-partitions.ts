/** The partitions that a web server owns, as it was told last: in which epoch, with which replicas. Pure. */
import type { AssignedReplica, Assignment } from './assignment.js'
import { type ActorName, type Epoch, PARTITION_COUNT, type Partition } from './ids.js'

/** One partition that is owned here. */
export interface Owned {
  readonly assignment: Assignment
  /** The replicas of the assignment that can be reached now. */
  readonly reachable: readonly ActorName[]
  /** Neither a resync nor a handover has filled the cache: what it does not hold is read ahead by the next resync. */
  readonly cold: boolean
  /** A replica that is about to leave: that it holds a change counts for nothing, but where all are waited for. */
  readonly retiring: ActorName | null
  /** How many replicas must hold a change before its response goes out. */
  readonly required: number
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

export class OwnedPartitions {
  readonly #acks: 'none' | 'one' | 'all'
  readonly #owned: (Owned | undefined)[] = new Array(PARTITION_COUNT).fill(undefined)
  #size = 0
  /** The last epoch of each partition that ended here: an assignment of it that is still on its way means nothing. */
  readonly #ended = new Map<Partition, End>()

  /** @param acks how many replicas must hold a change */
  constructor(acks: 'none' | 'one' | 'all') {
    this.#acks = acks
  }

  get size(): number {
    return this.#size
  }

  get(partition: Partition): Owned | undefined {
    return this.#owned[partition]
  }

  /** What a new assignment means; nothing changes by the question. */
  newsOf({ partition, epoch, revision, continues }: Assignment): News {
    const current = this.#owned[partition]?.assignment
    const isOver = epoch <= this.endOf(partition).epoch
    if (current === undefined) {
      if (isOver) return 'late'
      return continues ? 'given-up' : 'begins'
    }
    if (continues && epoch === current.epoch + 1) return 'goes-on'
    if (epoch > current.epoch) return isOver ? 'late' : 'begins'
    return epoch < current.epoch || revision < current.revision ? 'late' : 'goes-on'
  }

  /** Counts what is asked on the path of every change beforehand. */
  set({ assignment, reachable, cold }: Pick<Owned, 'assignment' | 'reachable' | 'cold'>): void {
    const { partition, replicas } = assignment
    // Who waits for all waits for it, too: it may stay, should another be lost.
    const retiring =
      this.#acks === 'all' ? null : (replicas.find(replica => replica.retiring === true)?.name ?? null)
    if (this.#owned[partition] === undefined) this.#size++
    const required = this.#required(reachable)
    this.#owned[partition] = { assignment, reachable, cold, retiring, required }
  }

  /** It is not owned here any more. @param wasReleased the director has asked for it */
  end(partition: Partition, epoch: Epoch, wasReleased = false): void {
    if (this.#owned[partition] !== undefined) this.#size--
    this.#owned[partition] = undefined
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
      const owned = this.#owned[partition]
      if (owned === undefined) continue
      this.set({ ...owned, reachable: owned.reachable.filter(name => name !== replica) })
    }
    return affected
  }

  assignmentsWith(replica: ActorName): Assignment[] {
    const assignments: Assignment[] = []
    for (const owned of this.#owned) {
      const assignment = owned?.assignment
      if (assignment?.replicas.some(({ name }) => name === replica)) assignments.push(assignment)
    }
    return assignments
  }

  /** All its replicas hold the same. */
  settle(partition: Partition): void {
    const owned = this.#owned[partition]
    if (owned === undefined) return
    const replicas = owned.assignment.replicas.map(({ name }): AssignedReplica => ({ name, synced: true }))
    const assignment = { ...owned.assignment, replicas, settled: true }
    this.set({ assignment, reachable: owned.reachable, cold: false })
  }

  #required(reachable: readonly ActorName[]): number {
    switch (this.#acks) {
      case 'none':
        return 0
      case 'one':
        return 1
      case 'all':
        return Math.max(1, reachable.length)
    }
  }
}
