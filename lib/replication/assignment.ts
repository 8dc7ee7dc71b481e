/** What the director tells a web server of the partitions that it owns. */
import type { ActorName, Epoch, Partition } from './ids.js'

/** A replica of a partition as its owner sees it. */
export interface AssignedReplica {
  readonly name: ActorName
  /** False while it is being brought up to date: it takes mutations, but its "I have no such session" counts for nothing. */
  readonly synced: boolean
  /** It leaves as soon as the others are up to date: it takes mutations, but its acknowledgements count for nothing. */
  readonly retiring?: true
}

/** A session server that left a partition for good, in that epoch: it need not keep its copies. */
export interface FormerReplica {
  readonly name: ActorName
  readonly epoch: Epoch
}

/** One partition of one owner. A later assignment of the same epoch replaces an earlier one. */
export interface Assignment {
  readonly partition: Partition
  readonly epoch: Epoch
  /** Rises with each change of the replicas within one epoch; comes back in {@link Settled}. */
  readonly revision: number
  readonly replicas: readonly AssignedReplica[]
  /**
   * The epoch follows that of the same owner, who keeps what it has cached: the last copy that was up to date was lost,
   * and what is made from here on must not be taken for what was made with it.
   */
  readonly continues?: true
  /** False when copies may differ between replicas, so that the owner must resync them and report {@link Settled}. */
  readonly settled: boolean
  /** Told again to the next owner, since the one of that epoch may have ended before it could tell them to forget. */
  readonly former?: readonly FormerReplica[]
}

/** Owner → director: every replica named in that revision of the assignment now holds the same, newest copies. */
export interface Settled {
  readonly partition: Partition
  readonly epoch: Epoch
  readonly revision: number
}
