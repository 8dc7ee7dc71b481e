/** Index records at their owner, the only one who changes them: which sessions hold, or held, one value. */
import type { SessionId } from '../../replication/ids.js'
import { SessionIndexFullError } from '../../transport/session-call-errors.js'
import type { IndexCall, OwnerCalls } from '../../transport/session-call-messages.js'
import type { SessionCommitter } from './session-commit.js'
import { SessionEntry } from './session-entry.js'
import { SessionReplacedError } from './session-errors.js'

/** Sessions in one record: enough for the devices of a person and a good many scripts, little enough to copy at each login. */
export const INDEX_SESSIONS_MAX = 1_000
/** Sessions that are asked whether they live at once. */
const ASKED_AT_ONCE = 32
/** A record that is full of living sessions is not gone through again for so long, ms. */
const PRUNE_INTERVAL_MS = 10_000

type Call<Op extends IndexCall['op']> = Extract<IndexCall, { readonly op: Op }>

/** What a record needs: how its entry is found, by whoever hosts it. */
export interface IndexRecordsOptions {
  readonly committer: SessionCommitter
  readonly ask: OwnerCalls['ask']
  readonly now: () => number
  /** Finds a record and uses it before anything else can happen to it. */
  readonly withEntry: <T>(id: SessionId, use: (entry: SessionEntry | null) => Promise<T>) => Promise<T>
}

/** The index records of one web server. */
export class IndexRecords {
  readonly #options: IndexRecordsOptions
  readonly #pruning = new Map<SessionId, Promise<void>>()
  readonly #prunedAt = new WeakMap<SessionEntry, number>()

  constructor(options: IndexRecordsOptions) {
    this.#options = options
  }

  /** @throws SessionIndexFullError (as a rejection) */
  async add(call: Call<'indexAdd'>): Promise<number> {
    const added = await this.#options.withEntry(call.id, entry => this.#add(call, entry))
    if (added !== null) return added
    await this.#prune(call.id)
    const addedNow = await this.#options.withEntry(call.id, entry => this.#add(call, entry))
    if (addedNow === null) throw new SessionIndexFullError(INDEX_SESSIONS_MAX)
    return addedNow
  }

  remove({ id, session }: Call<'indexRemove'>): Promise<null> {
    return this.#options.withEntry(id, async entry => {
      const sessions = this.#read(entry)
      if (entry !== null && sessions.delete(session)) await this.#write(id, entry, sessions)
      return null
    })
  }

  /** What is shown, a crash must not take back. */
  read({ id }: Call<'indexRead'>): Promise<readonly SessionId[]> {
    return this.#options.withEntry(id, async entry => {
      const sessions = [...this.#read(entry).keys()]
      if (entry !== null) await this.#options.committer.held(entry)
      return sessions
    })
  }

  /** @returns until when the session is listed, null when there is no room for it */
  async #add(
    { id, session, expires, until }: Call<'indexAdd'>,
    entry: SessionEntry | null,
  ): Promise<number | null> {
    const sessions = this.#read(entry)
    const listedUntil = sessions.get(session)
    if (entry !== null && listedUntil !== undefined && listedUntil >= expires) {
      await this.#options.committer.held(entry)
      return listedUntil
    }
    if (listedUntil === undefined && sessions.size >= INDEX_SESSIONS_MAX) return null
    sessions.set(session, until)
    await this.#write(id, entry, sessions)
    return until
  }

  /** Those whose time is not over, and until when they are listed. */
  #read(entry: SessionEntry | null): Map<SessionId, number> {
    if (entry === null || entry.destroyed) return new Map()
    // The boundary: nobody else writes records.
    const { sessions = [] } = entry.data as { sessions?: [SessionId, number][] }
    const now = this.#options.now()
    return new Map(sessions.filter(([, until]) => until > now))
  }

  async #write(
    id: SessionId,
    entry: SessionEntry | null,
    sessions: ReadonlyMap<SessionId, number>,
  ): Promise<void> {
    const { committer, now } = this.#options
    const data = { sessions: [...sessions] }
    const expires = data.sessions.reduce((latest, [, until]) => Math.max(latest, until), entry?.expires ?? 0)
    const target = entry ?? SessionEntry.named(id, expires, now())
    target.replace({ data, cookieText: null }, new SessionReplacedError())
    await committer.write(target, JSON.stringify(data), expires).outcome
  }

  /** Takes out whoever has ended or holds another value. Those who need it at the same time share it. */
  #prune(id: SessionId): Promise<void> {
    const running = this.#pruning.get(id)
    if (running !== undefined) return running
    const pruning = this.#pruneOnce(id).finally(() => this.#pruning.delete(id))
    this.#pruning.set(id, pruning)
    return pruning
  }

  async #pruneOnce(id: SessionId): Promise<void> {
    const { withEntry, now } = this.#options
    const listed = await withEntry(id, async entry => {
      if (entry === null || now() - (this.#prunedAt.get(entry) ?? 0) < PRUNE_INTERVAL_MS) return []
      this.#prunedAt.set(entry, now())
      return [...this.#read(entry).keys()]
    })
    const gone: SessionId[] = []
    for (let from = 0; from < listed.length; from += ASKED_AT_ONCE) {
      const some = listed.slice(from, from + ASKED_AT_ONCE)
      const belong = await Promise.all(some.map(session => this.#belongs(session, id)))
      gone.push(...some.filter((_, index) => !belong[index]))
    }
    if (gone.length === 0) return
    await withEntry(id, async entry => {
      if (entry === null) return
      const sessions = this.#read(entry)
      for (const session of gone) sessions.delete(session)
      await this.#write(id, entry, sessions)
    })
  }

  /** In doubt it does. */
  #belongs(session: SessionId, record: SessionId): Promise<boolean> {
    return this.#options.ask({ op: 'belongs', id: session, record }).catch(() => true)
  }
}
