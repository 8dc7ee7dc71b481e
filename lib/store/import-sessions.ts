/**
 * Takes sessions of another store over, with their ids and their data. Each carries in its cookie what it was when it
 * came, so that a later import can tell one that was changed here from one that was not.
 */
import { createHash } from 'node:crypto'
import type { SessionId } from '../replication/ids.js'
import type { SessionCalls, StoredSession } from '../transport/session-calls.js'
import { codeOf, type SessionAccess } from './session-access.js'
import { expiryOf, type StoredData } from './stored-data.js'

/** What became of a session. */
export type ImportOutcome =
  /** It was not here. */
  | 'imported'
  /** It was imported before, has not been changed here, and has been changed there. */
  | 'updated'
  /** It was imported before, and is the same. */
  | 'unchanged'
  /** It was changed here since: what is here stays. */
  | 'kept'
  /** It was destroyed here since, or its life is over. */
  | 'ended'
  /** Its value is no JSON object, its id can't be one, or it is larger than `session.maxBytes`. */
  | 'unusable'

/** How many sessions had each outcome. */
export type ImportCounts = Record<ImportOutcome, number>

/** @returns counts of nothing */
export function noCounts(): ImportCounts {
  return { imported: 0, updated: 0, unchanged: 0, kept: 0, ended: 0, unusable: 0 }
}

/** A session to be imported. */
export interface ImportedSession {
  readonly id: string
  /** As express-session's stores have it. */
  readonly text: string
  /** What is left of its life, ms; null when only its cookie knows. */
  readonly ttlMs: number | null
}

/** Errors of a single session, which the others need not wait for. */
const UNUSABLE: ReadonlySet<unknown> = new Set(['SESSION_TOO_LARGE', 'SESSION_CALL_INVALID'])

/** @throws what a session call rejects with, but for what is wrong with this session alone */
export async function importSession(
  { calls, ttlMs }: SessionAccess,
  session: ImportedSession,
  now: number,
): Promise<ImportOutcome> {
  const data = parse(session.text)
  if (data === null) return 'unusable'
  const { cookie, ...members } = data
  const expires = session.ttlMs === null ? expiryOf(cookie, ttlMs, now) : now + session.ttlMs
  if (expires <= now) return 'ended'
  const imported = digestOf(members)
  const text = JSON.stringify({ ...members, cookie: { ...cookie, imported } })
  try {
    return await merge(calls, { id: session.id as SessionId, data: text, expires }, imported)
  } catch (error) {
    const code = codeOf(error)
    if (code === 'SESSION_ENDED') return 'ended'
    if (UNUSABLE.has(code)) return 'unusable'
    throw error
  }
}

async function merge(calls: SessionCalls, session: StoredSession, imported: string): Promise<ImportOutcome> {
  const here = await calls.call({ op: 'get', id: session.id })
  const before = here === null ? null : importedBefore(here.data)
  if (before !== null && !before.isUnchanged) return 'kept'
  if (before !== null && before.digest === imported) return 'unchanged'
  await calls.call({ op: 'set', ...session })
  return before === null ? 'imported' : 'updated'
}

/** What a session that is here says of an earlier import. */
function importedBefore(text: string): { readonly digest: string; readonly isUnchanged: boolean } {
  const { cookie, ...members } = parse(text) ?? {}
  const digest = digestOf(members)
  return { digest, isUnchanged: cookie?.imported === digest }
}

function parse(text: string): Partial<StoredData> | null {
  try {
    const data: unknown = JSON.parse(text)
    return typeof data === 'object' && data !== null && !Array.isArray(data) ? data : null
  } catch {
    return null
  }
}

function digestOf(members: object): string {
  return createHash('sha256').update(JSON.stringify(members)).digest('base64url')
}
