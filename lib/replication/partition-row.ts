/** One row of the partition table: what the director knows of one partition. */
import type { FormerReplica } from './assignment.js'
import type { ActorName, Epoch, Partition } from './ids.js'

/** A session server that holds a partition, or is being brought up to date. */
export interface RowReplica {
  readonly name: ActorName
  synced: boolean
}

/** Changed by the partition table and its replica placement only. */
export interface PartitionRow {
  readonly partition: Partition
  owner: ActorName | null
  epoch: Epoch
  /** The epoch began without a change of owner: see `continues` of an assignment. */
  continues: boolean
  /** Rises when the replicas change within an epoch. */
  revision: number
  replicas: RowReplica[]
  settled: boolean
  /** It has had an owner in this director's life: until then every session server counts as up to date. */
  isAssigned: boolean
  /** A replica that leaves once its successor is up to date. */
  retiring: ActorName | null
  /** Replicas that left, until an owner of a later epoch knows. */
  former: FormerReplica[]
}

/** @returns a partition that nobody owns and nobody holds */
export function emptyRow(partition: Partition): PartitionRow {
  return {
    partition,
    owner: null,
    epoch: 0 as Epoch,
    continues: false,
    revision: 0,
    replicas: [],
    settled: false,
    isAssigned: false,
    retiring: null,
    former: [],
  }
}

/** A session server becomes a replica. */
export function addReplica(row: PartitionRow, name: ActorName, synced: boolean): void {
  row.replicas.push({ name, synced })
  row.former = row.former.filter(former => former.name !== name)
}

/** The replicas changed: what the owner was told before, and what it reports of that, means nothing any more. */
export function revise(row: PartitionRow): void {
  row.settled = false
  row.revision++
}
