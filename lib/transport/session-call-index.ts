/**
 * The index of sessions by what is in them (`session.indexes`). An index record lists the sessions that hold, or held,
 * one value. It is replicated as a session is, under an id that no cookie can name.
 */
import { createHash } from 'node:crypto'
import type { SessionId } from '../replication/ids.js'
import { RESERVED_PREFIX, SESSION_ID_BYTES_MAX } from './session-call-rules.js'

/** Name of each index → the path of the indexed member in a session, `account.tenant`. */
export type SessionIndexes = Readonly<Record<string, string>>

/** A value that sessions can be found by. */
export type IndexedValue = string | number

/** @returns the id of the record of one value: the value itself where it is short enough, a digest of it otherwise */
export function indexRecordId(name: string, value: IndexedValue): SessionId {
  const plain = `${RESERVED_PREFIX}${name}:${value}`
  if (Buffer.byteLength(plain) <= SESSION_ID_BYTES_MAX && !/\p{Surrogate}/u.test(plain))
    return plain as SessionId
  const digest = createHash('sha256').update(String(value)).digest('base64url')
  return `${RESERVED_PREFIX}${RESERVED_PREFIX}${name}:${digest}` as SessionId
}

/**
 * @param data a session, live or parsed
 * @returns the text or number at the path, as JSON will show it; null for anything else, which is not indexed
 */
export function indexedValueOf(data: unknown, path: string): IndexedValue | null {
  let at = jsonOf(data)
  for (const key of path.split('.')) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, key)) return null
    at = jsonOf((at as Record<string, unknown>)[key])
  }
  if (typeof at === 'number') return Number.isFinite(at) ? at : null
  return typeof at === 'string' && at !== '' ? at : null
}

/** @returns the ids of the records that a session belongs in */
export function indexRecordsOf(data: unknown, indexes: SessionIndexes): SessionId[] {
  const records: SessionId[] = []
  for (const [name, path] of Object.entries(indexes)) {
    const value = indexedValueOf(data, path)
    if (value !== null) records.push(indexRecordId(name, value))
  }
  return records
}

/** What a database hands out as an id is often an object that shows itself as text. */
function jsonOf(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || !('toJSON' in value)) return value
  return typeof value.toJSON === 'function' ? value.toJSON('') : value
}
