/**
 * The owner's side of session calls: carries them out on the sessions that this web server hosts, with the cache,
 * versions and acknowledgements that requests use. A call rejects with OWNERSHIP_LOST when the partition is another's.
 */
import { OwnershipLostError } from '../../replication/errors.js'
import { type Partition, partitionOf, type SessionId } from '../../replication/ids.js'
import { SessionCallInvalidError, SessionEndedError } from '../../transport/session-call-errors.js'
import type { OwnerCall, OwnerCallAnswers, OwnerCalls } from '../../transport/session-call-messages.js'
import { isReserved } from '../../transport/session-call-rules.js'
import type { SessionCall, StoredSession } from '../../transport/session-calls.js'
import { SessionEntry } from './session-entry.js'
import { SessionCacheFullError, SessionReplacedError } from './session-errors.js'
import type { SessionIndex } from './session-index.js'
import { IndexRecords } from './session-index-records.js'
import { acceptSession } from './session-json.js'
import type { SessionLoader } from './session-loader.js'
import type { SessionShared } from './session-shared.js'

/** Sessions looked up at once while ids are listed: bounds what their data takes meanwhile. */
const LOOKUPS_AT_ONCE = 64

type Call<Op extends SessionCall['op']> = Extract<SessionCall, { readonly op: Op }>

/** A session as a call finds it. */
interface FoundSession {
  /** Null when there is none; it may be destroyed or expired while it is still cached. */
  readonly entry: SessionEntry | null
  /** There was one, and nothing may bring it back. */
  readonly destroyed: boolean
}

/** Carries out calls for the partitions of this web server. */
export class HostedSessionCalls {
  readonly #shared: SessionShared
  readonly #loader: SessionLoader
  readonly #index: SessionIndex
  readonly #records: IndexRecords

  /** @param ask reaches the owners of other partitions */
  constructor(shared: SessionShared, loader: SessionLoader, index: SessionIndex, ask: OwnerCalls['ask']) {
    const { committer, now } = shared
    this.#shared = shared
    this.#loader = loader
    this.#index = index
    this.#records = new IndexRecords({
      ...{ committer, ask, now },
      withEntry: (id, use) => this.#with(id, ({ entry }) => use(entry)),
    })
  }

  /** Whether calls for this partition can be carried out here. */
  owns(partition: Partition): boolean {
    return this.#shared.owner.epochOf(partition) !== null
  }

  /** Carries a call out. Its answer says what {@link SessionCalls} promises. */
  async carryOut<C extends OwnerCall>(call: C): Promise<OwnerCallAnswers[C['op']]> {
    // The boundary: each case answers what the call asks for.
    return (await this.#carryOut(call)) as OwnerCallAnswers[C['op']]
  }

  #carryOut(call: OwnerCall): Promise<OwnerCallAnswers[OwnerCall['op']]> {
    switch (call.op) {
      case 'get':
        return this.#with(call.id, found => this.#get(found))
      case 'set':
        return this.#with(call.id, found => this.#set(call, found))
      case 'touch':
        return this.#with(call.id, found => this.#touch(call, found))
      case 'destroy':
        return this.#with(call.id, found => this.#destroy(found))
      case 'ids':
        return this.#using(call.partition, () => this.#ids(call.partition))
      case 'indexAdd':
        return this.#records.add(call)
      case 'indexRemove':
        return this.#records.remove(call)
      case 'indexRead':
        return this.#records.read(call)
      case 'belongs':
        return this.#with(call.id, found => this.#belongs(call.record, found))
    }
  }

  /** What a call shows, a crash must not take back: it waits for the acknowledgement of what it has seen. */
  async #get({ entry }: FoundSession): Promise<StoredSession | null> {
    if (entry === null) return null
    const session = this.#loader.isAlive(entry)
      ? { id: entry.id, data: entry.text, expires: entry.expires }
      : null
    await this.#shared.committer.held(entry)
    return session
  }

  async #set({ id, data, expires }: Call<'set'>, { entry, destroyed }: FoundSession): Promise<null> {
    const { cache, committer, config, now } = this.#shared
    if (destroyed) throw new SessionEndedError()
    if (cache.isOverfull) throw new SessionCacheFullError(cache.bytes)
    const accepted = acceptSession(data, config.maxBytes)
    if (accepted === null) {
      throw new SessionCallInvalidError('A session is the JSON text of an object, some other text was given.')
    }
    const target = entry ?? SessionEntry.named(id, expires, now())
    target.replace(accepted.parsed, new SessionReplacedError())
    await committer.write(target, accepted.text, expires).outcome
    return null
  }

  async #touch({ expires }: Call<'touch'>, { entry }: FoundSession): Promise<boolean> {
    if (entry === null || !this.#loader.isAlive(entry)) return false
    await this.#shared.committer.write(entry, entry.text, expires).outcome
    return true
  }

  async #destroy({ entry }: FoundSession): Promise<boolean> {
    const { committer } = this.#shared
    if (entry === null) return false
    const isAlive = this.#loader.isAlive(entry)
    // An expired one too while requests have it: they would give it a new life.
    const mayCome = isAlive || (!entry.destroyed && entry.uses > 0)
    if (mayCome) await committer.write(entry, null, entry.expires).outcome
    else await committer.held(entry)
    return isAlive
  }

  async #belongs(record: SessionId, { entry }: FoundSession): Promise<boolean> {
    return entry !== null && this.#loader.isAlive(entry) && this.#index.recordsOf(entry).includes(record)
  }

  async #ids(partition: Partition): Promise<readonly SessionId[]> {
    const { cache, now } = this.#shared
    const alive: SessionId[] = []
    const unknown: SessionId[] = []
    // Replicas may be asked before they get what is cached now, and it may be evicted before they answer.
    const before = [...cache.inPartition(partition)].map(({ id }) => id)
    for (const id of new Set([...before, ...(await this.#listed(partition))])) {
      if (!isReserved(id) && cache.get(id) === undefined) unknown.push(id)
    }
    for (let from = 0; from < unknown.length; from += LOOKUPS_AT_ONCE) {
      const ids = unknown.slice(from, from + LOOKUPS_AT_ONCE)
      const areAlive = await Promise.all(ids.map(id => this.#isStored(id)))
      for (const [index, id] of ids.entries())
        if (areAlive[index] && cache.get(id) === undefined) alive.push(id)
    }
    // Last: what was listed may have been changed meanwhile, or come into the cache.
    for (const { id, data, expires } of cache.inPartition(partition)) {
      if (data !== null && expires > now() && !isReserved(id)) alive.push(id)
    }
    return alive
  }

  #listed(partition: Partition): Promise<ReadonlySet<SessionId>> {
    const { owner, now } = this.#shared
    return new Promise((resolve, reject) => {
      owner.list(partition, now(), listed =>
        listed.type === 'listed' ? resolve(listed.ids) : reject(listed.error),
      )
    })
  }

  /** Past the cache, which a listing of everything would turn over. */
  #isStored(id: SessionId): Promise<boolean> {
    const { owner, now } = this.#shared
    return new Promise((resolve, reject) => {
      owner.lookup(id, now(), found =>
        found.type === 'unavailable' ? reject(found.error) : resolve(found.type === 'found'),
      )
    })
  }

  /** Finds a session, and uses it before anything else can happen to it. */
  #with<T>(id: SessionId, use: (found: FoundSession) => Promise<T>): Promise<T> {
    const partition = partitionOf(id)
    return this.#using(partition, () => {
      const cached = this.#shared.cache.find(id)
      if (cached !== undefined) return use({ entry: cached, destroyed: cached.destroyed })
      return new Promise<T>((resolve, reject) => {
        this.#loader.load(id, loaded => {
          if (loaded.type === 'unavailable') reject(loaded.error)
          else if (!this.owns(partition)) reject(new OwnershipLostError(partition))
          else {
            // Somebody else who waited for the same look-up may have made one.
            const entry = loaded.type === 'entry' ? loaded.entry : (this.#shared.cache.find(id) ?? null)
            const destroyed = entry?.destroyed ?? (loaded.type === 'absent' && loaded.destroyed)
            use({ entry, destroyed }).then(resolve, reject)
          }
        })
      })
    })
  }

  /** As for a request, a handover waits for it. */
  async #using<T>(partition: Partition, action: () => Promise<T>): Promise<T> {
    const { partitions } = this.#shared
    if (!this.owns(partition)) throw new OwnershipLostError(partition)
    partitions.acquire(partition)
    try {
      return await action()
    } finally {
      partitions.release(partition)
    }
  }
}
