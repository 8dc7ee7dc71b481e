/**
 * What there is of a session only while somebody uses it, or used it a moment ago: the data that its requests share, what
 * they have done to it, and what is still owed for it. Of an idle one none of this is kept, so that it takes little more
 * than its text.
 */

import type { TroupeError } from '../../errors.js'
import type { SessionId } from '../../replication/ids.js'
import type { SessionGate } from './session-gate.js'
import { type ParsedSession, parseSession, type SessionRecord } from './session-json.js'

/** What the index is known to list of a session: each record, and until when, ms since the Unix epoch. */
export type Listed = Map<SessionId, number>

/** Members that are not null or 0 here are lost with it. */
class Work {
  live: ParsedSession | null = null
  uses = 0
  tunnels = 0
  holders = 0
  dirty = false
  exotic = false
  generation = 0
  revertedBy: TroupeError | null = null
  verifiedCookie: Buffer | null = null
  records: readonly SessionId[] | null = null
  listed: Listed | null = null
  gate: SessionGate | null = null
  countedBytes = 0
  wasUsed = false
}

/** A session as those see it who use it. */
export abstract class SessionWork {
  /** The last committed JSON text. */
  abstract readonly text: string
  #work: Work | null = null

  /** The live data, shared by all requests of the session. Parsed at the first look. @throws SessionUnreadableError */
  get data(): SessionRecord {
    return this.#parsed().data
  }

  /** The customised cookie as JSON text, null when it is the default. */
  get cookieText(): string | null {
    return this.#parsed().cookieText
  }

  customiseCookie(cookieText: string | null): void {
    this.#working().live = { data: this.data, cookieText }
  }

  /** Open requests and tunnels; never evicted while there are any. */
  get uses(): number {
    return this.#work === null ? 0 : this.#work.uses
  }

  set uses(uses: number) {
    this.#working().uses = uses
  }

  /** Those of them that are tunnels. */
  get tunnels(): number {
    return this.#work === null ? 0 : this.#work.tunnels
  }

  set tunnels(tunnels: number) {
    this.#working().tunnels = tunnels
  }

  /** Open requests that are no tunnels: they may hold uncommitted changes for longer than a tick. */
  get requests(): number {
    return this.uses - this.tunnels
  }

  /** Open requests that were handed an object of the live data, and may change it unseen at any time. */
  get holders(): number {
    return this.#work === null ? 0 : this.#work.holders
  }

  set holders(holders: number) {
    this.#working().holders = holders
  }

  /** Members were assigned or deleted since the last commit. */
  get dirty(): boolean {
    return this.#work?.dirty ?? false
  }

  set dirty(dirty: boolean) {
    if (this.#work !== null || dirty) this.#working().dirty = dirty
  }

  /** The live data holds values that read differently after a round through JSON. */
  get exotic(): boolean {
    return this.#work?.exotic ?? false
  }

  set exotic(exotic: boolean) {
    if (this.#work !== null || exotic) this.#working().exotic = exotic
  }

  /** Rises when uncommitted changes are thrown away. */
  get generation(): number {
    return this.#work?.generation ?? 0
  }

  set generation(generation: number) {
    this.#working().generation = generation
  }

  /** Why they were. */
  get revertedBy(): TroupeError | null {
    return this.#work?.revertedBy ?? null
  }

  set revertedBy(error: TroupeError | null) {
    this.#working().revertedBy = error
  }

  /** The last cookie value that was verified, to be spared the HMAC the next time. */
  get verifiedCookie(): Buffer | null {
    return this.#work?.verifiedCookie ?? null
  }

  set verifiedCookie(cookie: Buffer | null) {
    this.#working().verifiedCookie = cookie
  }

  /** The index records that its committed state belongs in, null when nobody has looked. See `session-index.ts`. */
  get records(): readonly SessionId[] | null {
    return this.#work?.records ?? null
  }

  set records(records: readonly SessionId[] | null) {
    if (this.#work !== null || records !== null) this.#working().records = records
  }

  /** What the index is known to list of it, null when nobody has asked. */
  get listed(): Listed | null {
    return this.#work?.listed ?? null
  }

  set listed(listed: Listed | null) {
    this.#working().listed = listed
  }

  /** Changes that wait for the index before any replica may have them. */
  get gate(): SessionGate | null {
    return this.#work?.gate ?? null
  }

  set gate(gate: SessionGate | null) {
    if (this.#work !== null || gate !== null) this.#working().gate = gate
  }

  /** Whether it holds more than its committed state. */
  get isWorking(): boolean {
    return this.#work !== null
  }

  /** The bytes that the cache has counted for what it holds beyond its committed state, 0 when it has not. */
  get countedWorkBytes(): number {
    return this.#work?.countedBytes ?? 0
  }

  set countedWorkBytes(bytes: number) {
    if (this.#work !== null) this.#work.countedBytes = bytes
  }

  /** Somebody has used it since the cache last looked whether it may {@link rest}. */
  get wasUsed(): boolean {
    return this.#work?.wasUsed ?? false
  }

  set wasUsed(wasUsed: boolean) {
    if (this.#work !== null) this.#work.wasUsed = wasUsed
  }

  /**
   * Lets go of everything that can be had again from the committed state.
   * @returns false when somebody needs it
   */
  rest(): boolean {
    const work = this.#work
    if (work === null) return true
    if (work.uses > 0 || work.dirty || work.exotic || work.gate !== null) return false
    // What can't be had again stays: what the index lists, and how often changes were thrown away.
    if (work.listed === null && work.generation === 0) this.#work = null
    else {
      work.live = null
      work.verifiedCookie = null
      work.records = null
    }
    return true
  }

  /** Throws the live data away: the next look reads the last committed text. */
  revert(): void {
    if (this.#work === null) return
    this.#work.live = null
    this.#work.dirty = false
    this.#work.exotic = false
  }

  /**
   * The live data gives way to other data. Requests learn of it at their next commit if they may have changed what was
   * there before.
   */
  replace(data: ParsedSession, why: TroupeError): void {
    this.revert()
    this.#working().live = data
    this.generation++
    this.revertedBy = why
  }

  #parsed(): ParsedSession {
    const work = this.#working()
    work.live ??= parseSession(this.text)
    return work.live
  }

  #working(): Work {
    this.#work ??= new Work()
    return this.#work
  }
}
