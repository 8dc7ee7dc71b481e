/**
 * The owner of a session keeps its place in the index: before a replica gets a session with an indexed value, the index
 * record of that value lists the session, and will as long as the session lives. So whoever was answered after a login
 * is found. A session that ends is taken out of its records; one that changes its value stays listed until that time,
 * and whoever finds it there looks at what it holds.
 */
import type { SessionId } from '../../replication/ids.js'
import { indexRecordsOf, type SessionIndexes } from '../../transport/session-call-index.js'
import type { OwnerCalls } from '../../transport/session-call-messages.js'
import { isReserved } from '../../transport/session-call-rules.js'
import type { SessionEntry } from './session-entry.js'
import { SessionUnreadableError } from './session-errors.js'
import { parseSession } from './session-json.js'
import type { Listed } from './session-work.js'

/** Keeps the sessions of one web server in the index. */
export class SessionIndex {
  readonly #indexes: SessionIndexes
  readonly #ask: OwnerCalls['ask']
  readonly #now: () => number
  readonly #isOn: boolean

  /** @param ask reaches the owners of index records */
  constructor(indexes: SessionIndexes, ask: OwnerCalls['ask'], now: () => number) {
    this.#indexes = indexes
    this.#ask = ask
    this.#now = now
    this.#isOn = Object.keys(indexes).length > 0
  }

  /**
   * A state of a session is about to be committed. To be called before that.
   * @param text the new state, of the live data unless it is what was committed last
   * @returns null when the index covers it, else a promise of that
   */
  cover(entry: SessionEntry, text: string, expires: number): Promise<void> | null {
    if (!this.#isOn || isReserved(entry.id)) return null
    const listed = this.#listedOf(entry)
    const records = text === entry.text ? this.recordsOf(entry) : indexRecordsOf(entry.data, this.#indexes)
    entry.records = records
    const missing = records.filter(record => (listed.get(record) ?? 0) < expires)
    return missing.length === 0 ? null : this.#add(entry, listed, missing, expires)
  }

  /** A session has ended: nobody waits for its records to know. */
  forget(entry: SessionEntry): void {
    if (!this.#isOn || isReserved(entry.id)) return
    for (const id of this.#listedOf(entry).keys()) {
      // What stays listed is found out to have ended by everybody who looks.
      this.#ask({ op: 'indexRemove', id, session: entry.id }).catch(() => {})
    }
  }

  /** @returns the records that the committed state of a session belongs in */
  recordsOf(entry: SessionEntry): readonly SessionId[] {
    entry.records ??= this.#recordsOfText(entry.text)
    return entry.records
  }

  #recordsOfText(text: string): readonly SessionId[] {
    try {
      return indexRecordsOf(parseSession(text).data, this.#indexes)
    } catch (error) {
      // Written by something else: nobody finds it, and it can still be ended.
      if (error instanceof SessionUnreadableError) return []
      throw error
    }
  }

  async #add(
    entry: SessionEntry,
    listed: Listed,
    records: readonly SessionId[],
    expires: number,
  ): Promise<void> {
    // Twice as long as needed: a session in use for days asks again once in its lifetime, not at each change.
    const until = expires + Math.max(0, expires - this.#now())
    await Promise.all(
      records.map(async id => {
        listed.set(id, await this.#ask({ op: 'indexAdd', id, session: entry.id, expires, until }))
      }),
    )
  }

  /** A copy from the replicas is listed as long as it lives, or it would not be there. */
  #listedOf(entry: SessionEntry): Listed {
    if (entry.listed !== null) return entry.listed
    const isStored = entry.epoch > 0
    entry.listed = new Map(isStored ? this.recordsOf(entry).map(record => [record, entry.expires]) : [])
    return entry.listed
  }
}
