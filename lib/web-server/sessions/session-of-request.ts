/** One request's use of its session, in the order of the request's life: session, head, end, acknowledged, close. */

import { createSession, type Session, type SessionActions } from './session.js'
import { acknowledgedOf, both } from './session-acknowledged.js'
import type { CookieSettings } from './session-cookie.js'
import type { SessionEntry } from './session-entry.js'
import {
  SessionAssignedError,
  SessionClosedError,
  SessionDestroyedError,
  SessionInUseError,
} from './session-errors.js'
import { SessionHold, type SessionHoldOptions } from './session-hold.js'
import { commitOfTunnel, keepAlive } from './session-of-tunnel.js'
import type { SessionShared } from './session-shared.js'
import type { SessionUse } from './session-use.js'

/** What a {@link SessionOfRequest} is opened with. */
export interface SessionOfRequestOptions {
  /** The session that the request's cookie named; its partition is counted as used already. */
  readonly entry: SessionEntry | null
  /** The request had a cookie of our name, valid or not. */
  readonly hadCookie: boolean
  /** The cookie of a session without settings of its own, for this request. */
  readonly cookieDefaults: CookieSettings
}

/** See {@link SessionUse}. */
export class SessionOfRequest implements SessionUse, SessionActions, SessionHoldOptions {
  readonly #shared: SessionShared
  readonly #options: SessionOfRequestOptions
  readonly cookieDefaults: CookieSettings
  readonly now: () => number
  /** Every session that this request has had. */
  readonly #holds: SessionHold[] = []
  /** The session that the request came with. */
  readonly #original: SessionHold | null
  #current: SessionHold | null
  #session: Session | undefined
  /** The last session that this request destroyed. */
  #destroyed: SessionHold | null = null
  /** The session that the app let go of by `req.session = null`: what this request changed in it is not kept. */
  #unset: SessionHold | null = null
  /** The app ended its session, or let it go: no new one is made. */
  #isEnded = false
  #isAnswered = false
  #isTunnel = false
  #isClosed = false
  #isCommittingLate = false

  constructor(shared: SessionShared, options: SessionOfRequestOptions) {
    this.#shared = shared
    this.#options = options
    this.cookieDefaults = options.cookieDefaults
    this.now = shared.now
    this.#original = options.entry === null ? null : this.#take(options.entry)
    if (options.entry === null) shared.partitions.visitorCame()
    this.#current = this.#original
  }

  get session(): Session | undefined {
    if (this.#session === undefined && !this.#isEnded) {
      this.#session = createSession(this.#current ?? this.#begin(), this)
    }
    return this.#session
  }

  set session(session: Session | undefined | null) {
    if (session === this.#session && session !== undefined) return
    if (session !== undefined && session !== null) throw new SessionAssignedError()
    this.#session = undefined
    this.#isEnded = true
    if (this.#current === null || this.#current.entry.destroyed) return
    if (this.#shared.config.unset === 'destroy') {
      this.#destroy(this.#current)
      return
    }
    this.#unset = this.#current
    this.#dropChanges(this.#current, this.#isLate ? 0 : 1)
  }

  get sessionId(): string {
    return (this.#current ?? this.#begin()).entry.id
  }

  head(): string | null {
    // After `end` there is nothing left to commit: the session is serialized once.
    if (!this.#isAnswered) this.#commit()
    const { cookies } = this.#shared
    const hold = this.#current
    if (hold !== null && !hold.entry.destroyed && hold.entry.version > 0) {
      return hold !== this.#unset && cookies.isDue(hold, hold === this.#original)
        ? cookies.renewed(hold)
        : null
    }
    return this.#destroyed !== null && this.#options.hadCookie ? cookies.cleared(this.#destroyed) : null
  }

  end(): void {
    this.#commit()
    this.#isAnswered = true
  }

  stay(): void {
    if (this.#isLate) return
    this.#isAnswered = true
    this.#isTunnel = true
    const { cache, partitions } = this.#shared
    if (this.#options.entry === null) partitions.visitorLeft()
    for (const hold of this.#holds) {
      hold.letGo()
      this.#attempt(() => keepAlive(hold, this.#shared, true))
      cache.toTunnel(hold.entry)
      partitions.toTunnel(hold.entry.partition)
    }
  }

  acknowledged(): Promise<void> | null {
    let first: Promise<void> | null = null
    for (const hold of this.#holds) {
      const promise = acknowledgedOf(hold, this.#shared.committer)
      if (promise !== null) first = first === null ? promise : both(first, promise)
    }
    return first
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    const { cache, committer, config, now, partitions } = this.#shared
    if (this.#options.entry === null && !this.#isTunnel) partitions.visitorLeft()
    for (const hold of this.#holds) {
      this.#attempt(() => {
        if (hold === this.#unset) {
          this.#dropChanges(hold, this.#isTunnel ? 0 : 1)
          return
        }
        if (this.#isTunnel) {
          // Objects that were handed out may have changed since, and nobody will look again.
          if (hold.looked && hold.entry.expires > now()) hold.entry.dirty = true
          this.#commitOfTunnel(hold)
          return
        }
        if (hold.looked && (!this.#isAnswered || hold.entry.dirty)) committer.commit(hold)
        // Only now: a response never waits for the acknowledgement of its touch.
        if (hold.looked || config.rolling) committer.touch(hold)
      })
      hold.letGo()
      cache.release(hold.entry, this.#isTunnel)
      partitions.release(hold.entry.partition, this.#isTunnel)
    }
  }

  onChange(): void {
    if (this.#isLate) this.#commitLate()
  }

  async save(hold: SessionHold): Promise<void> {
    // No response can tell the browser of it any more: nobody could come back for it.
    if (this.#isLate && hold.entry.version === 0) throw new SessionClosedError()
    // An object that was handed out before the request was over may have changed since.
    if (this.#isLate && !hold.entry.destroyed) {
      hold.assertNotLeft()
      hold.entry.dirty = true
    }
    if (this.#isTunnel) this.#commitOfTunnel(hold)
    else this.#shared.committer.commit(hold)
    await acknowledgedOf(hold, this.#shared.committer)
  }

  async reload(hold: SessionHold): Promise<void> {
    const { entry } = hold
    if (entry.destroyed) throw new SessionDestroyedError()
    if (!this.#shared.committer.isUnsaved(hold)) {
      // What all requests share is what a reload would read.
      hold.catchUp()
      return
    }
    // A tunnel has nothing unsaved after the tick of its change.
    const others = entry.requests - (this.#isLate ? 0 : 1)
    if (others > 0) throw new SessionInUseError(others)
    hold.revert()
  }

  async regenerate(hold: SessionHold): Promise<void> {
    if (this.#isLate) throw new SessionClosedError()
    this.#destroy(hold)
    // Called twice on one session: the one in between gets no cookie, so nobody could come back for it.
    if (this.#current !== null && this.#current !== hold) this.#destroy(this.#current)
    this.#begin()
    this.#session = undefined
    this.#isEnded = false
    await acknowledgedOf(hold, this.#shared.committer)
  }

  async destroy(hold: SessionHold): Promise<void> {
    this.#destroy(hold)
    if (hold === this.#current) {
      this.#session = undefined
      this.#isEnded = true
    }
    await acknowledgedOf(hold, this.#shared.committer)
  }

  #destroy(hold: SessionHold): void {
    this.#shared.committer.destroy(hold)
    this.#destroyed = hold
  }

  /**
   * Not those of other requests: what they have changed as well is theirs to keep.
   * @param own 1 while this request counts as one that uses the session
   */
  #dropChanges(hold: SessionHold, own: 0 | 1): void {
    if (!hold.entry.destroyed && hold.entry.requests === own) hold.revert()
  }

  /** Makes a new session. */
  #begin(): SessionHold {
    const entry = this.#shared.create(this.#isLate)
    if (!this.#isLate) this.#shared.partitions.acquire(entry.partition)
    this.#current = this.#take(entry)
    return this.#current
  }

  #take(entry: SessionEntry): SessionHold {
    const hold = new SessionHold(entry, this)
    if (this.#isLate) {
      hold.letGo()
      return hold
    }
    this.#shared.cache.acquire(entry)
    this.#holds.push(hold)
    return hold
  }

  #commit(): void {
    // A request that never looked has nothing to answer for: what others have changed is theirs to save.
    if (this.#current === null || this.#current === this.#unset || !this.#current.looked) return
    this.#shared.committer.commit(this.#current)
  }

  /** No head will be made any more: the request is over, or goes on as a tunnel. */
  get #isLate(): boolean {
    return this.#isTunnel || this.#isClosed
  }

  #commitOfTunnel(hold: SessionHold): void {
    if (hold !== this.#unset) commitOfTunnel(hold, this.#shared, !this.#isClosed)
  }

  /** Changes made after the request was over: kept when the session is still here. */
  #commitLate(): void {
    if (this.#isCommittingLate) return
    this.#isCommittingLate = true
    setImmediate(() => {
      this.#isCommittingLate = false
      this.#attempt(() => {
        // A session that was never stored has no cookie either: nobody could come back for it.
        if (this.#current === null || this.#current.entry.version === 0) return
        if (this.#isTunnel) this.#commitOfTunnel(this.#current)
        else this.#commit()
      })
    })
  }

  #attempt(action: () => void): void {
    try {
      action()
    } catch (error) {
      this.#shared.report(error instanceof Error ? error : new Error(String(error)))
    }
  }
}
