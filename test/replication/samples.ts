/** Short ways to write down what the replication core is about. */
import type { AssignedReplica, Assignment } from '../../lib/replication/assignment.js'
import type { Mutation, SessionCopy } from '../../lib/replication/copy.js'
import {
  type ActorName,
  type Epoch,
  type Partition,
  partitionOf,
  type SessionId,
  type Version,
} from '../../lib/replication/ids.js'

/** When sample copies expire, ms: later than any sample now. */
export const EXPIRES = 1_000

export const A = 'a' as ActorName
export const B = 'b' as ActorName
export const C = 'c' as ActorName
export const WEB_1 = 'web-1' as ActorName
export const WEB_2 = 'web-2' as ActorName

export const X = 'x' as SessionId
export const Y = 'y' as SessionId
/** The partition of {@link X}. */
export const OF_X: Partition = partitionOf(X)

/** @param data null for a tombstone */
export function copyOf(
  id: SessionId,
  epoch: number,
  version: number,
  data: string | null = '{}',
): SessionCopy {
  return { id, epoch: epoch as Epoch, version: version as Version, expires: EXPIRES, data }
}

export function mutationOf(copy: SessionCopy, authority: number = copy.epoch): Mutation {
  return { ...copy, partition: partitionOf(copy.id), authority: authority as Epoch }
}

export function claimOf(partition: Partition, epoch: number): { partition: Partition; epoch: Epoch } {
  return { partition, epoch: epoch as Epoch }
}

export function synced(name: ActorName): AssignedReplica {
  return { name, synced: true }
}

export function unsynced(name: ActorName): AssignedReplica {
  return { name, synced: false }
}

/** An assignment of the partition of {@link X}. */
export function assignmentOf(
  epoch: number,
  replicas: readonly AssignedReplica[],
  { settled = true, revision = 0 } = {},
): Assignment {
  return { partition: OF_X, epoch: epoch as Epoch, revision, replicas, settled }
}
