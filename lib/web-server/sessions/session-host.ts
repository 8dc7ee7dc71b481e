/** The sessions of one web server: opens them for requests, from the cache or, on a miss, from the replicas. */
import type { SessionConfig } from '../../config/schema.js'
import { type Partition, partitionOf, type SessionId } from '../../replication/ids.js'
import type { OwnerCalls } from '../../transport/session-call-messages.js'
import { isReserved, isSessionId } from '../../transport/session-call-rules.js'
import { CookieSigner, claimedId, isSameCookie, signedCookieValues } from './cookie-value.js'
import type { SessionCache } from './session-cache.js'
import { HostedSessionCalls } from './session-calls-hosted.js'
import { SessionCommitter, type SessionOwner } from './session-commit.js'
import { type CookieSettings, defaultCookie } from './session-cookie.js'
import { SessionEntry } from './session-entry.js'
import { NO_SESSION_EVENTS, type SessionEvents } from './session-events.js'
import { SessionIds } from './session-id.js'
import { SessionIndex } from './session-index.js'
import { type Loaded, SessionLoader } from './session-loader.js'
import { SessionOfRequest } from './session-of-request.js'
import { PartitionUses } from './session-partitions.js'
import { SetCookies } from './session-set-cookie.js'
import type { SessionShared } from './session-shared.js'
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
  /** Reaches the owners of index records; without it this web server owns all partitions. */
  readonly ask?: OwnerCalls['ask']
  /** ms since the Unix epoch. */
  readonly now?: () => number
}

/** A session that a verified cookie names. */
interface Named {
  readonly id: SessionId
  /** The cookie's value as received. */
  readonly cookie: string
  /** It is cached. */
  readonly entry: SessionEntry | undefined
}

/** Opens sessions, and knows which partitions requests are using. */
export class SessionHost implements SessionOpener {
  readonly #shared: SessionShared
  readonly #events: SessionEvents
  readonly #loader: SessionLoader
  readonly #signer: CookieSigner
  /** What sessions without settings of their own get, over plain and over encrypted connections. */
  readonly #plainCookie: CookieSettings
  readonly #encryptedCookie: CookieSettings
  readonly #anyPartition: () => Partition
  #cacheHits = 0
  #cacheMisses = 0
  /** Session calls for the partitions of this web server. */
  readonly calls: HostedSessionCalls

  constructor(options: SessionHostOptions) {
    const { config, cache, owner, report, events = NO_SESSION_EVENTS, now = Date.now } = options
    this.#events = events
    const ask: OwnerCalls['ask'] = options.ask ?? (call => this.calls.carryOut(call))
    const index = new SessionIndex(config.indexes, ask, now)
    const ids = new SessionIds()
    this.#anyPartition = () => partitionOf(ids.next(() => true))
    const owns = (partition: Partition) => owner.epochOf(partition) !== null
    this.#signer = new CookieSigner(config.secrets)
    this.#plainCookie = defaultCookie(config.cookie, false)
    this.#encryptedCookie = defaultCookie(config.cookie, true)
    const committer = new SessionCommitter({ cache, owner, config, now, events, index })
    this.#shared = {
      config,
      cache,
      owner,
      report,
      now,
      committer,
      partitions: new PartitionUses(),
      cookies: new SetCookies({ config, signer: this.#signer, committer, now }),
      create: isLate => SessionEntry.empty(ids.next(isLate ? () => true : owns), now() + config.ttlMs),
    }
    this.#loader = new SessionLoader(cache, owner, events, now)
    this.calls = new HostedSessionCalls(this.#shared, this.#loader, index, ask)
  }

  open(request: SessionRequest): Opened | Promise<Opened> {
    const { config, owner, partitions } = this.#shared
    const cookies = signedCookieValues(request.cookieHeader, config.name)
    const named = this.#verified(cookies)
    if (named === null) {
      // It could begin no session here: any owner will do.
      if (owner.partitionCount === 0) return { type: 'reroute', partition: this.#anyPartition() }
      return this.#opened(request, null, cookies.length > 0)
    }
    const { entry: cached } = named
    const partition = cached?.partition ?? partitionOf(named.id)
    if (owner.epochOf(partition) === null) return { type: 'reroute', partition }
    if (cached !== undefined) {
      if (!this.#loader.isAlive(cached)) {
        this.#events.expired(cached)
        return this.#opened(request, null, true)
      }
      this.#cacheHits++
      partitions.acquire(partition)
      return this.#opened(request, cached, true)
    }
    this.#cacheMisses++
    partitions.acquire(partition)
    return new Promise(resolve => {
      this.#loader.load(named.id, loaded => resolve(this.#onLoaded(request, named, loaded)))
    })
  }

  /** Requests whose session was in the cache. */
  get cacheHits(): number {
    return this.#cacheHits
  }

  /** Requests whose session had to be fetched, whether or not it was found. */
  get cacheMisses(): number {
    return this.#cacheMisses
  }

  /** How many requests use sessions of a partition, or wait for one. */
  inUse(partition: Partition): number {
    return this.#shared.partitions.count(partition)
  }

  /**
   * Whether no request uses sessions of a partition or waits for one; and, of the last partition that is owned here,
   * whether no request is open that may yet begin a session.
   */
  mayGiveUp(partition: Partition): boolean {
    const { owner, partitions } = this.#shared
    return this.inUse(partition) === 0 && (owner.partitionCount > 1 || partitions.visitors === 0)
  }

  /** Whether a partition is in use by nothing but tunnels. */
  isHeldByTunnels(partition: Partition): boolean {
    return this.#shared.partitions.isHeldByTunnels(partition)
  }

  /** Drops expired sessions, a part of the cache at each call: to be called about once a second. */
  sweep(): void {
    this.#shared.cache.sweep(this.#shared.now())
  }

  /** The first cookie with a valid signature. An HMAC is spared when this very cookie was verified before. */
  #verified(cookies: readonly string[]): Named | null {
    const { cache } = this.#shared
    for (const cookie of cookies) {
      const claimed = claimedId(cookie)
      // Whatever signed it: an app's other signed cookies may share the secret.
      if (claimed === null || isReserved(claimed)) continue
      const likely = cache.find(claimed)
      if (likely?.verifiedCookie && isSameCookie(cookie, likely.verifiedCookie))
        return { id: claimed, cookie, entry: likely }
      const id = this.#signer.verify(cookie)
      if (id === null || !isSessionId(id)) continue
      // What a cookie claims is read without decoding all of it: an encoded dot ends no id there.
      const entry = id === claimed ? likely : cache.find(id)
      if (entry !== undefined) entry.verifiedCookie = Buffer.from(cookie, 'latin1')
      return { id, cookie, entry }
    }
    return null
  }

  #opened(request: SessionRequest, entry: SessionEntry | null, hadCookie: boolean): Opened {
    const cookieDefaults = request.encrypted ? this.#encryptedCookie : this.#plainCookie
    const use = new SessionOfRequest(this.#shared, { entry, hadCookie, cookieDefaults })
    return { type: 'opened', use }
  }

  #onLoaded(request: SessionRequest, { id, cookie }: Named, loaded: Loaded): Opened {
    const { owner, partitions } = this.#shared
    const partition = partitionOf(id)
    if (owner.epochOf(partition) === null) {
      partitions.release(partition)
      return { type: 'reroute', partition }
    }
    if (loaded.type === 'entry') {
      loaded.entry.verifiedCookie = Buffer.from(cookie, 'latin1')
      return this.#opened(request, loaded.entry, true)
    }
    partitions.release(partition)
    return loaded.type === 'absent' ? this.#opened(request, null, true) : loaded
  }
}
