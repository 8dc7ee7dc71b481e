/** Brings sessions that are not cached from the replicas into the cache. */
import { SessionUnavailableError } from '../../replication/errors.js'
import { partitionOf, type SessionId } from '../../replication/ids.js'
import type { SessionCache } from './session-cache.js'
import type { SessionOwner } from './session-commit.js'
import { SessionEntry } from './session-entry.js'
import type { SessionEvents } from './session-events.js'

/** The outcome of a look-up that several may share. */
export type Loaded =
  | { readonly type: 'entry'; readonly entry: SessionEntry }
  /** `destroyed` is known as long as the session would have lived. */
  | { readonly type: 'absent'; readonly destroyed: boolean }
  | { readonly type: 'unavailable'; readonly error: Error }

/** The look-ups of one web server. */
export class SessionLoader {
  readonly #cache: SessionCache
  readonly #owner: SessionOwner
  readonly #events: SessionEvents
  readonly #now: () => number
  readonly #waiting = new Map<SessionId, ((loaded: Loaded) => void)[]>()

  constructor(cache: SessionCache, owner: SessionOwner, events: SessionEvents, now: () => number) {
    this.#cache = cache
    this.#owner = owner
    this.#events = events
    this.#now = now
  }

  /**
   * Looks a session up. Those who miss the same session share one look-up.
   * @param done the session is cached, and pinned until everybody who waited has been called
   */
  load(id: SessionId, done: (loaded: Loaded) => void): void {
    const waiting = this.#waiting.get(id)
    if (waiting !== undefined) {
      waiting.push(done)
      return
    }
    const callbacks = [done]
    this.#waiting.set(id, callbacks)
    this.#owner.lookup(id, this.#now(), found => {
      this.#waiting.delete(id)
      // Its id would be signed into a cookie: a session server must not be able to choose it.
      if (found.type === 'found' && found.copy.id !== id)
        tell(callbacks, { type: 'unavailable', error: answeredOther(id) })
      else if (found.type === 'found')
        this.#host(this.#cache.find(id) ?? new SessionEntry(found.copy), callbacks)
      else tell(callbacks, found)
    })
  }

  /** Whether it can be given to anybody. */
  isAlive(entry: SessionEntry): boolean {
    return !entry.destroyed && entry.expires > this.#now()
  }

  #host(entry: SessionEntry, callbacks: readonly ((loaded: Loaded) => void)[]): void {
    if (this.#owner.epochOf(entry.partition) === null || !this.isAlive(entry)) {
      tell(callbacks, { type: 'absent', destroyed: entry.destroyed })
      return
    }
    if (!this.#cache.has(entry)) this.#events.fetched(entry)
    this.#cache.acquire(entry)
    this.#cache.store(entry)
    tell(callbacks, { type: 'entry', entry })
    this.#cache.release(entry)
  }
}

function answeredOther(id: SessionId): Error {
  return new SessionUnavailableError(partitionOf(id), 'a session server answered with another session')
}

function tell(callbacks: readonly ((loaded: Loaded) => void)[], loaded: Loaded): void {
  for (const callback of callbacks) callback(loaded)
}
