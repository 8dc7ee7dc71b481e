/** How a session's changes become mutations: serialized once, compared with what was committed last, replicated. */

import type { SessionConfig } from '../../config/schema.js'
import { TroupeError } from '../../errors.js'
import { OwnershipLostError } from '../../replication/errors.js'
import type { Epoch } from '../../replication/ids.js'
import type { Owner } from '../../replication/owner.js'
import { asCallError } from '../../transport/session-call-errors.js'
import type { SessionCache } from './session-cache.js'
import { PendingChange } from './session-change.js'
import type { SessionEntry } from './session-entry.js'
import { SessionCacheFullError, SessionClosedError, SessionRevertedError } from './session-errors.js'
import type { SessionEvents } from './session-events.js'
import { SessionGate } from './session-gate.js'
import type { SessionHold } from './session-hold.js'
import type { SessionIndex } from './session-index.js'
import { type SerializedSession, serializeSession } from './session-json.js'

/** What sessions need of the replication core. */
export type SessionOwner = Pick<
  Owner,
  'epochOf' | 'partitionCount' | 'mutate' | 'isAcknowledged' | 'whenAcknowledged' | 'lookup' | 'list'
>

/** A session is kept alive by use, but not by a mutation for each: only when this part of its lifetime has passed. */
const TOUCH_AFTER = 1 / 10

/** What a committer is made of. */
export interface SessionCommitterOptions {
  readonly cache: SessionCache
  readonly owner: SessionOwner
  readonly config: SessionConfig
  readonly now: () => number
  readonly events: SessionEvents
  readonly index: SessionIndex
}

/** Commits sessions of one web server. */
export class SessionCommitter {
  readonly #cache: SessionCache
  readonly #owner: SessionOwner
  readonly #config: SessionConfig
  readonly #now: () => number
  readonly #events: SessionEvents
  readonly #index: SessionIndex

  constructor({ cache, owner, config, now, events, index }: SessionCommitterOptions) {
    this.#cache = cache
    this.#owner = owner
    this.#config = config
    this.#now = now
    this.#events = events
    this.#index = index
  }

  /**
   * Commits what the session differs in from its last commit, whichever request changed it. Nothing happens when it
   * was destroyed, nor for a new session without data.
   * @throws SessionNotSerializableError | SessionTooLargeError, or SessionRevertedError when only other requests have
   *   changed it; the session is as it was committed last
   * @throws SessionRevertedError | OwnershipLostError | SessionCacheFullError | SessionClosedError
   */
  commit(hold: SessionHold): void {
    const { entry } = hold
    if (entry.destroyed) return
    hold.assertCurrent()
    hold.applyCookie()
    if (!hold.mayDiffer) return
    const { text, exotic } = this.#serialize(hold)
    const isEmpty = entry.version === 0 && Object.keys(entry.data).length === 0
    if (text !== entry.text && !isEmpty) {
      if (this.#cache.isOverfull) throw new SessionCacheFullError(this.#cache.bytes)
      this.#replicate(hold, text)
      hold.committed = true
    }
    if (exotic) entry.exotic = true
    entry.dirty = false
    hold.written()
  }

  /** Keeps a session alive that a request has used, when it is time for that. */
  touch(hold: SessionHold): void {
    if (this.isTouchDue(hold)) this.#replicate(hold, hold.entry.text)
  }

  /** Whether a {@link touch} would move the session's expiry now. */
  isTouchDue(hold: SessionHold): boolean {
    const { entry } = hold
    if (entry.destroyed || entry.detached || entry.version === 0) return false
    const lifetimeMs = this.#lifetimeOf(hold)
    const used = this.#now() + lifetimeMs - entry.expires
    return used >= lifetimeMs * TOUCH_AFTER && this.#owner.epochOf(entry.partition) !== null
  }

  /** Whether the live data holds anything that is not committed, through whichever request. */
  isUnsaved({ entry, mayDiffer }: SessionHold): boolean {
    if (!mayDiffer) return false
    try {
      const { cookieText, text: previous, dirty: assigned } = entry
      const options = { cookieText, previous, assigned, maxBytes: this.#config.maxBytes }
      return serializeSession(entry.data, options).text !== previous
    } catch {
      // What can't be saved is not saved: the reason is told when somebody tries to.
      return true
    }
  }

  /** Ends a session: nothing brings it back. @throws OwnershipLostError */
  destroy(hold: SessionHold): void {
    const { entry } = hold
    hold.looked = true
    if (entry.destroyed) return
    if (entry.version > 0) hold.pendingChange = this.writeEnd(entry)
    entry.destroyed = true
  }

  /**
   * Makes the end of a session its committed state. It may have lived longer once: a copy from then, on a disk that
   * comes back, must not outlive the tombstone. @throws OwnershipLostError | SessionClosedError
   */
  writeEnd(entry: SessionEntry): PendingChange {
    return this.write(entry, null, Math.max(entry.expires, this.#now() + this.#config.ttlMs))
  }

  /**
   * Makes this the committed state of a session, and sends it to the replicas once the index covers it.
   * @param text null ends the session
   * @throws OwnershipLostError | SessionClosedError
   */
  write(entry: SessionEntry, text: string | null, expires: number): PendingChange {
    const epoch = this.#epochOf(entry)
    const isNew = entry.epoch === 0
    const covered = text === null ? null : this.#index.cover(entry, text, expires)
    const gate = covered === null ? entry.gate : (entry.gate ?? new SessionGate(entry.toCopy()))
    if (text === null) entry.destroyed = true
    entry.commit(text, epoch, expires)
    this.#cache.store(entry)
    const change = new PendingChange(entry.version)
    if (text === null) {
      this.#index.forget(entry)
      this.#events.destroyed(entry)
    } else if (isNew) this.#events.created(entry)
    entry.gate = gate
    if (gate === null) this.#send(entry, [change])
    else {
      gate.changes.push(change)
      if (covered !== null) this.#wait(entry, gate, covered)
      // The end of a session overtakes whatever still waits.
      if (text === null) this.#pass(entry, gate)
    }
    return change
  }

  /** Null when enough replicas hold the session as it was committed last, otherwise a promise of that. */
  held({ id, acknowledgedVersion, version, gate }: SessionEntry): Promise<void> | null {
    if (gate !== null) {
      const change = new PendingChange(version)
      gate.changes.push(change)
      return change.outcome
    }
    if (acknowledgedVersion === version || this.#owner.isAcknowledged(id)) return null
    return new Promise((resolve, reject) => {
      this.#owner.whenAcknowledged(id, this.#now(), error => (error === null ? resolve() : reject(error)))
    })
  }

  #wait(entry: SessionEntry, gate: SessionGate, covered: Promise<void>): void {
    gate.awaited++
    covered.then(
      () => {
        gate.awaited--
        if (entry.gate === gate && gate.awaited === 0) this.#pass(entry, gate)
      },
      (error: unknown) => {
        if (entry.gate === gate) this.#turnBack(entry, gate, asCallError(error))
      },
    )
  }

  /** The index covers everything that waited, or it has ended: only the newest state is sent. */
  #pass(entry: SessionEntry, gate: SessionGate): void {
    entry.gate = null
    if (entry.detached) gate.settle(new OwnershipLostError(entry.partition))
    else this.#send(entry, gate.changes)
  }

  /** What the index can't cover is as if it had not been committed: the session is again what replicas were sent last. */
  #turnBack(entry: SessionEntry, gate: SessionGate, error: TroupeError): void {
    const { sent } = gate
    entry.gate = null
    if (!entry.detached && sent.data !== null && sent.epoch > 0) {
      entry.revert()
      entry.generation++
      entry.revertedBy = error
      entry.records = null
      entry.commit(sent.data, entry.epoch, sent.expires)
      this.#cache.store(entry)
      this.#send(entry, [])
    } else if (!entry.detached) {
      // No replica ever had it.
      entry.destroyed = true
      this.#cache.remove(entry)
    }
    gate.settle(error)
  }

  #serialize(hold: SessionHold): SerializedSession {
    const { entry } = hold
    try {
      return serializeSession(entry.data, {
        cookieText: entry.cookieText,
        previous: entry.text,
        assigned: entry.dirty,
        maxBytes: this.#config.maxBytes,
      })
    } catch (error) {
      if (!(error instanceof TroupeError)) throw error
      // Nobody may see what can't be kept; requests that share it learn of it at their own commit.
      entry.revert()
      entry.generation++
      entry.revertedBy = error
      const { mayHaveChanged } = hold
      hold.catchUp()
      throw mayHaveChanged ? error : new SessionRevertedError(error)
    }
  }

  #replicate(hold: SessionHold, text: string): void {
    hold.pendingChange = this.write(hold.entry, text, this.#now() + this.#lifetimeOf(hold))
  }

  #send(entry: SessionEntry, changes: readonly PendingChange[]): void {
    const { version } = entry
    this.#owner.mutate(entry.newestCopy(), this.#now(), error => {
      if (error === null && version > entry.acknowledgedVersion) entry.acknowledgedVersion = version
      for (const change of changes) change.settle(error)
    })
  }

  #epochOf(entry: SessionEntry): Epoch {
    const epoch = this.#owner.epochOf(entry.partition)
    if (epoch === null) throw new OwnershipLostError(entry.partition)
    if (!entry.detached) return epoch
    throw entry.uses > 0 ? new OwnershipLostError(entry.partition) : new SessionClosedError()
  }

  #lifetimeOf(hold: SessionHold): number {
    return Math.max(0, hold.originalMaxAge ?? this.#config.ttlMs)
  }
}
