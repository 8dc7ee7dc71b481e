/** The sessions of the whole cluster, for operators and apps: read, found, listed and ended from anywhere. */
import { ALL_PARTITIONS, type SessionId } from '../replication/ids.js'
import { SessionIndexUnknownError } from './session-call-errors.js'
import {
  type IndexedValue,
  indexedValueOf,
  indexRecordId,
  type SessionIndexes,
} from './session-call-index.js'
import type { OwnerCalls } from './session-call-messages.js'
import type { SessionCalls } from './session-calls.js'

/** Calls of one question that are under way at once. */
const AT_ONCE = 16

/** What sessions are found by: names of `session.indexes`, all of which must fit. */
export type SessionQuery = Readonly<Record<string, IndexedValue>>

/** A session as it is stored. Its id is as good as its visitor's password: not for logs. */
export interface SessionInfo {
  readonly id: string
  /** Its members; `cookie` among them when the session has cookie settings of its own. */
  readonly data: Readonly<Record<string, unknown>>
  /** ms since the Unix epoch. */
  readonly expires: number
}

/** All sessions of a cluster. Every promise rejects with a TroupeError when the owner of a session can't be reached in time. */
export interface Sessions {
  /** @returns null when there is no such session */
  get(id: string): Promise<SessionInfo | null>
  /**
   * Finds sessions by an index. Whoever was told that a session of his holds a value will find it.
   * @throws SessionIndexUnknownError (as a rejection)
   */
  find(query: SessionQuery): Promise<SessionInfo[]>
  /** Ends a session: its visitor is logged out, whatever requests of it are running. @returns whether there was one */
  destroy(id: string): Promise<boolean>
  /** Ends all that {@link find} finds: log out everywhere. @returns how many there were */
  destroyAll(query: SessionQuery): Promise<number>
  /** The ids of all sessions, a partition after the other. For tools, not for requests: it asks for each of them. */
  ids(): AsyncIterable<string>
  /** How many there are. As costly as {@link ids}. */
  count(): Promise<number>
}

/** {@link Sessions} by means of session calls. */
export class SessionRegister implements Sessions {
  readonly #calls: SessionCalls & OwnerCalls
  readonly #indexes: SessionIndexes

  constructor(calls: SessionCalls & OwnerCalls, indexes: SessionIndexes) {
    this.#calls = calls
    this.#indexes = indexes
  }

  async get(id: string): Promise<SessionInfo | null> {
    const stored = await this.#calls.call({ op: 'get', id: id as SessionId })
    // The boundary: the owner stores nothing but JSON objects.
    return stored && { id, data: JSON.parse(stored.data) as SessionInfo['data'], expires: stored.expires }
  }

  async find(query: SessionQuery): Promise<SessionInfo[]> {
    const wanted = this.#wanted(query)
    const [first] = wanted
    if (first === undefined) throw new SessionIndexUnknownError('nothing', Object.keys(this.#indexes))
    const ids = await this.#calls.ask({ op: 'indexRead', id: indexRecordId(first.name, first.value) })
    const sessions = await inTurns(ids, id => this.get(id))
    return sessions.filter((session): session is SessionInfo => {
      if (session === null) return false
      return wanted.every(({ path, value }) => {
        const found = indexedValueOf(session.data, path)
        return found !== null && String(found) === String(value)
      })
    })
  }

  destroy(id: string): Promise<boolean> {
    return this.#calls.call({ op: 'destroy', id: id as SessionId })
  }

  async destroyAll(query: SessionQuery): Promise<number> {
    const ended = await inTurns(await this.find(query), ({ id }) => this.destroy(id))
    return ended.filter(Boolean).length
  }

  async *ids(): AsyncGenerator<string> {
    for (let from = 0; from < ALL_PARTITIONS.length; from += AT_ONCE) {
      const partitions = ALL_PARTITIONS.slice(from, from + AT_ONCE)
      const lists = await Promise.all(partitions.map(partition => this.#calls.call({ op: 'ids', partition })))
      for (const list of lists) yield* list
    }
  }

  async count(): Promise<number> {
    let count = 0
    for await (const _ of this.ids()) count++
    return count
  }

  #wanted(query: SessionQuery): { name: string; path: string; value: IndexedValue }[] {
    return Object.entries(query).map(([name, value]) => {
      const path = Object.hasOwn(this.#indexes, name) ? this.#indexes[name] : undefined
      if (path !== undefined && (typeof value === 'string' || typeof value === 'number'))
        return { name, path, value }
      const found = path === undefined ? JSON.stringify(name) : `${JSON.stringify(name)} with ${typeof value}`
      throw new SessionIndexUnknownError(found, Object.keys(this.#indexes))
    })
  }
}

/** Asks for all, some at once. @returns the answers in order */
async function inTurns<Item, Answer>(
  items: readonly Item[],
  ask: (item: Item) => Promise<Answer>,
): Promise<Answer[]> {
  const answers: Answer[] = []
  for (let from = 0; from < items.length; from += AT_ONCE) {
    answers.push(...(await Promise.all(items.slice(from, from + AT_ONCE).map(ask))))
  }
  return answers
}
