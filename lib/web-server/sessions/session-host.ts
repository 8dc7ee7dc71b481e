/** The sessions of one web server: opens them for requests, from the cache or, on a miss, from the replicas. */
import type { SessionConfig } from '../../config/schema.js'
import { type Partition, partitionOf, type SessionId } from '../../replication/ids.js'
import { CookieSigner, claimedId, isSameCookie, signedCookieValues } from './cookie-value.js'
import type { SessionCache } from './session-cache.js'
import { SessionCommitter, type SessionOwner } from './session-commit.js'
import { defaultCookie } from './session-cookie.js'
import { SessionEntry } from './session-entry.js'
import { NO_SESSION_EVENTS, type SessionEvents } from './session-events.js'
import { SessionIds } from './session-id.js'
import { SessionOfRequest, type SessionShared } from './session-of-request.js'
import { PartitionUses } from './session-partitions.js'
import type { Opened, SessionOpener, SessionRequest } from './session-use.js'

/** What a session host is made of. */
export interface SessionHostOptions {
  readonly config: SessionConfig
  readonly cache: SessionCache
  /** The replication core of this web server. */
  readonly owner: SessionOwner
  /** An error of a session that no request can be told of any more: for the log. */
  readonly report: (error: Error) => void
  /** Hears of what happens to sessions. */
  readonly events?: SessionEvents
  /** ms since the Unix epoch. */
  readonly now?: () => number
}

/** A session that a verified cookie names. */
interface Named {
  readonly id: SessionId
  readonly cookie: string
}

/** The outcome of a look-up that requests may share. */
type LookedUp =
  | { readonly type: 'entry'; readonly entry: SessionEntry | null }
  | { readonly type: 'unavailable'; readonly error: Error }

/** Opens sessions, and knows which partitions requests are using. */
export class SessionHost implements SessionOpener {
  readonly #shared: SessionShared
  readonly #events: SessionEvents
  readonly #lookups = new Map<SessionId, ((result: LookedUp) => void)[]>()

  constructor(options: SessionHostOptions) {
    const { config, cache, owner, report, events = NO_SESSION_EVENTS, now = Date.now } = options
    this.#events = events
    const ids = new SessionIds()
    const owns = (partition: Partition) => owner.epochOf(partition) !== null
    this.#shared = {
      config,
      cache,
      owner,
      report,
      now,
      committer: new SessionCommitter(cache, owner, config, now, events),
      partitions: new PartitionUses(),
      signer: new CookieSigner(config.secrets),
      create: () => SessionEntry.empty(ids.next(owns), now() + config.ttlMs),
    }
  }

  open(request: SessionRequest): Opened | Promise<Opened> {
    const { config, owner, partitions, cache } = this.#shared
    const cookies = signedCookieValues(request.cookieHeader, config.name)
    const named = this.#verified(cookies)
    if (named === null) return this.#opened(request, null, cookies.length > 0)
    const partition = partitionOf(named.id)
    if (owner.epochOf(partition) === null) return { type: 'reroute', partition }
    const cached = cache.find(named.id)
    if (cached !== undefined) {
      if (!this.#isAlive(cached)) {
        this.#events.expired(cached)
        return this.#opened(request, null, true)
      }
      partitions.acquire(partition)
      return this.#opened(request, cached, true)
    }
    partitions.acquire(partition)
    return new Promise(resolve => {
      this.#lookup(named, result => resolve(this.#onLookedUp(request, partition, result)))
    })
  }

  /** How many requests use sessions of a partition, or wait for one. */
  inUse(partition: Partition): number {
    return this.#shared.partitions.count(partition)
  }

  /** Drops expired sessions, a part of the cache at each call: to be called about once a second. */
  sweep(): void {
    this.#shared.cache.sweep(this.#shared.now())
  }

  /** The first cookie with a valid signature. An HMAC is spared when this very cookie was verified before. */
  #verified(cookies: readonly string[]): Named | null {
    const { cache, signer } = this.#shared
    for (const cookie of cookies) {
      const claimed = claimedId(cookie)
      if (claimed === null) continue
      const entry = cache.find(claimed)
      if (entry?.verifiedCookie && isSameCookie(cookie, entry.verifiedCookie)) return { id: claimed, cookie }
      const id = signer.verify(cookie)
      if (id === null) continue
      if (entry !== undefined) entry.verifiedCookie = Buffer.from(cookie)
      return { id, cookie }
    }
    return null
  }

  #opened(request: SessionRequest, entry: SessionEntry | null, hadCookie: boolean): Opened {
    const cookieDefaults = defaultCookie(this.#shared.config.cookie, request.encrypted)
    const use = new SessionOfRequest(this.#shared, { entry, hadCookie, cookieDefaults })
    return { type: 'opened', use }
  }

  #isAlive(entry: SessionEntry): boolean {
    return !entry.destroyed && entry.expires > this.#shared.now()
  }

  /** Requests that miss the same session share one look-up. */
  #lookup(named: Named, done: (result: LookedUp) => void): void {
    const { id } = named
    const waiting = this.#lookups.get(id)
    if (waiting !== undefined) {
      waiting.push(done)
      return
    }
    const callbacks = [done]
    this.#lookups.set(id, callbacks)
    this.#shared.owner.lookup(id, this.#shared.now(), found => {
      this.#lookups.delete(id)
      if (found.type === 'unavailable') answerAll(callbacks, found)
      else if (found.type === 'absent' || found.copy.data === null)
        answerAll(callbacks, { type: 'entry', entry: null })
      else this.#host(this.#shared.cache.find(id) ?? new SessionEntry(found.copy), named, callbacks)
    })
  }

  /** Takes a session that was looked up into the cache, and keeps it there until all who waited have it. */
  #host(entry: SessionEntry, { cookie }: Named, callbacks: readonly ((result: LookedUp) => void)[]): void {
    const { cache, owner } = this.#shared
    if (owner.epochOf(entry.partition) === null || !this.#isAlive(entry)) {
      answerAll(callbacks, { type: 'entry', entry: null })
      return
    }
    entry.verifiedCookie = Buffer.from(cookie)
    if (!cache.has(entry)) this.#events.fetched(entry)
    cache.acquire(entry)
    cache.store(entry)
    answerAll(callbacks, { type: 'entry', entry })
    cache.release(entry)
  }

  #onLookedUp(request: SessionRequest, partition: Partition, result: LookedUp): Opened {
    const { owner, partitions } = this.#shared
    if (owner.epochOf(partition) === null) {
      partitions.release(partition)
      return { type: 'reroute', partition }
    }
    if (result.type === 'entry' && result.entry !== null) return this.#opened(request, result.entry, true)
    partitions.release(partition)
    return result.type === 'entry' ? this.#opened(request, null, true) : result
  }
}

function answerAll(callbacks: readonly ((result: LookedUp) => void)[], result: LookedUp): void {
  for (const callback of callbacks) callback(result)
}
