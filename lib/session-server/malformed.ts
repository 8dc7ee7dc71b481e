/** Finds messages that no owner of this version sends, before they reach a store. */
import { TroupeError } from '../errors.js'
import { PARTITION_COUNT } from '../replication/ids.js'
import type { ToReplica } from '../replication/messages.js'

/** Eight times what Troupe makes, in characters: every store can take it as a key. */
const ID_LENGTH_MAX = 256

/** An owner sent something that is no message of `ToReplica`; it was dropped. */
export class MalformedMessageError extends TroupeError {
  readonly code = 'MALFORMED_MESSAGE'

  constructor(owner: string) {
    super(
      `A message of ${owner} was dropped: it is none that this version knows, or a field of it is out of range. ` +
        'Only the first on a connection is told. Check that every part is of the same version of Troupe.',
    )
  }
}

/** Whether every field that the rules rely on has its type and range. Quick: it runs for every mutation. */
export function isToReplica(message: unknown): message is ToReplica {
  if (!isRecord(message)) return false
  switch (message.type) {
    case 'claim':
      return isListOf(message.claims, isClaim)
    case 'apply':
      return isCount(message.batch) && isListOf(message.mutations, isMutation)
    case 'read':
      return isCount(message.call) && isListOf(message.ids, isId)
    case 'list':
      return isCount(message.call) && isPartition(message.partition)
    case 'forget':
      return isClaim(message.claim)
    default:
      return false
  }
}

function isClaim(value: unknown): boolean {
  return isRecord(value) && isPartition(value.partition) && isCount(value.epoch)
}

function isMutation(value: unknown): boolean {
  return (
    isRecord(value) &&
    isId(value.id) &&
    isPartition(value.partition) &&
    isCount(value.epoch) &&
    isCount(value.version) &&
    isCount(value.authority) &&
    Number.isFinite(value.expires) &&
    (value.data === null || isText(value.data))
  )
}

function isListOf(value: unknown, isMember: (member: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isMember)
}

function isPartition(value: unknown): boolean {
  return isCount(value) && (value as number) < PARTITION_COUNT
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0
}

function isId(value: unknown): boolean {
  return typeof value === 'string' && value.length <= ID_LENGTH_MAX
}

function isText(value: unknown): boolean {
  return typeof value === 'string'
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}
