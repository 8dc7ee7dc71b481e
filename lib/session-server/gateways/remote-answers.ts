/** Whether what came back is an answer: the far side is trusted to mean well, not to be of the same version. */
import { PARTITION_COUNT } from '../../replication/ids.js'
import type { FromReplica } from '../../replication/messages.js'

/** Whether every field of an answer that the rules rely on has its type and range. */
export function isFromReplica(answer: unknown): answer is FromReplica {
  if (!isRecord(answer)) return false
  switch (answer.type) {
    case 'applied':
      return isCount(answer.batch) && isListOf(answer.fenced, isClaim)
    case 'found':
      return isCount(answer.call) && isListOf(answer.copies, copy => copy === null || isCopy(copy))
    case 'digest':
      return isCount(answer.call) && isListOf(answer.entries, isStamped) && typeof answer.more === 'boolean'
    default:
      return false
  }
}

/** Whether a value is the list of all fences. */
export function isFences(value: unknown): boolean {
  return isListOf(value, isCount) && (value as readonly unknown[]).length === PARTITION_COUNT
}

/** Whether a value is the counters of a session server. */
export function isStats(value: unknown): boolean {
  return isRecord(value) && [value.partitions, value.sessions, value.tombstones, value.bytes].every(isCount)
}

function isClaim(value: unknown): boolean {
  return isRecord(value) && isCount(value.partition) && isCount(value.epoch)
}

function isCopy(value: unknown): boolean {
  return (
    isStamped(value) &&
    isRecord(value) &&
    Number.isFinite(value.expires) &&
    (value.data === null || typeof value.data === 'string')
  )
}

function isStamped(value: unknown): boolean {
  return isRecord(value) && typeof value.id === 'string' && isCount(value.epoch) && isCount(value.version)
}

function isListOf(value: unknown, isMember: (member: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isMember)
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
