/**
 * A store for express-session and @fastify/session, and through {@link TroupeStore.koa} for koa-session. Inside a web
 * server its sessions are those of the cluster; in any other process it runs session servers itself.
 */
import { EventEmitter } from 'node:events'
import type { SessionId } from '../replication/ids.js'
import { answered, type StoreCallback } from './callbacks.js'
import { clusterSessions } from './cluster-sessions.js'
import { StoreClosedError } from './errors.js'
import { ExpressSessions, type Generate, type StoreRequest } from './express-sessions.js'
import { KoaSessionStore } from './koa-store.js'
import { openOwnSessions } from './own-sessions.js'
import type { OwnSessions, OwnSessionsOptions } from './session-access.js'
import { allIds, eachConcurrently, type SessionAccess, setUnlessEnded } from './session-access.js'
import { expiryOf, parseStored, type StoredData, Touches } from './stored-data.js'

/** A session with its id, as {@link TroupeStore.all} lists it. */
export type ListedSession = StoredData & { readonly id: string }

export class TroupeStore extends EventEmitter {
  /** Set by express-session. */
  generate: Generate = () => {
    throw new TypeError('This store makes sessions for express-session only: give it to session({ store }).')
  }
  readonly #touches = new Touches()
  readonly #sessions = new ExpressSessions()
  /** Inside a web server, null otherwise. */
  readonly #cluster: SessionAccess | null
  readonly #own: Promise<OwnSessions> | null
  #closing: Promise<void> | null = null

  /**
   * @param options inside a web server of Troupe they mean nothing: the cluster's configuration holds there
   *   Elsewhere what is wrong with them is told by {@link ready}, and by every call.
   */
  constructor(options: OwnSessionsOptions = {}) {
    super()
    this.#cluster = clusterSessions()
    this.#own = this.#cluster === null ? openOwnSessions(options) : null
    // Every call waits for it, and learns of its failure.
    this.#own?.catch(() => {})
  }

  /** Resolves when the store can be used. Calls made before that wait for it. @throws why it can't */
  async ready(): Promise<void> {
    await this.#access()
    await (await this.#own)?.ready()
  }

  get(id: string): Promise<StoredData | null>
  get(id: string, callback: StoreCallback<StoredData | null>): void
  get(id: string, callback?: StoreCallback<StoredData | null>) {
    return answered(this.#get(id), callback)
  }

  /** Answers when as many session servers hold the session as `replication.acks` asks for. */
  set(id: string, session: object): Promise<void>
  set(id: string, session: object, callback?: StoreCallback): void
  set(id: string, session: object, callback?: StoreCallback) {
    return answered(this.#set(id, session as Partial<StoredData>), callback)
  }

  /** Keeps a session alive. Nothing is written until a tenth of its lifetime has passed. */
  touch(id: string, session: object): Promise<void>
  touch(id: string, session: object, callback?: StoreCallback): void
  touch(id: string, session: object, callback?: StoreCallback) {
    return answered(this.#touch(id, session as Partial<StoredData>), callback)
  }

  destroy(id: string): Promise<void>
  destroy(id: string, callback?: StoreCallback): void
  destroy(id: string, callback?: StoreCallback) {
    return answered(this.#destroy(id), callback)
  }

  /** Every session, in memory at once: for tools, not for requests. */
  all(): Promise<ListedSession[]>
  all(callback: StoreCallback<ListedSession[]>): void
  all(callback?: StoreCallback<ListedSession[]>) {
    return answered(this.#all(), callback)
  }

  /** How many sessions there are. Asks for the ids of all of them: for tools, not for requests. */
  length(): Promise<number>
  length(callback: StoreCallback<number>): void
  length(callback?: StoreCallback<number>) {
    return answered(
      this.#access().then(async access => (await allIds(access)).length),
      callback,
    )
  }

  /** Destroys every session. */
  clear(): Promise<void>
  clear(callback?: StoreCallback): void
  clear(callback?: StoreCallback) {
    return answered(this.#clear(), callback)
  }

  /** express-session: gives the request a new session in place of the one it has. */
  regenerate(req: StoreRequest, callback: StoreCallback): void {
    this.destroy(req.sessionID ?? '', error => {
      this.generate(req)
      callback(error)
    })
  }

  /** express-session: a session outside of a request. */
  // biome-ignore lint/suspicious/noExplicitAny: the boundary to express-session's session, whose class is not ours
  load(id: string, callback: StoreCallback<any>): void {
    this.get(id, (error, data) => {
      if (error || !data) return callback(error)
      const req = { sessionID: id, sessionStore: this, headers: {} }
      callback(null, this.createSession(req, data))
    })
  }

  /** express-session: makes a session of stored data for a request. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  createSession(req: StoreRequest, data: object): any {
    return this.#sessions.create(this.generate, req, data as StoredData)
  }

  /** @returns the same sessions, as koa-session wants its store */
  koa(): KoaSessionStore {
    return new KoaSessionStore(() => this.#access())
  }

  /** Stops the session servers that this store has started, after what is under way. Calls fail from here on. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // One that never opened has nothing to close; whoever called it was told.
    const own = await this.#own?.catch(() => null)
    await own?.close()
  }

  async #access(): Promise<SessionAccess> {
    if (this.#closing !== null) throw new StoreClosedError()
    if (this.#cluster !== null) return this.#cluster
    return (await this.#own) as OwnSessions
  }

  async #get(id: string): Promise<StoredData | null> {
    const { calls } = await this.#access()
    const found = await calls.call({ op: 'get', id: id as SessionId })
    if (found === null) {
      this.#touches.forget(id)
      return null
    }
    this.#touches.note(id, found.expires)
    return parseStored(found.data, found.expires)
  }

  async #set(id: string, session: Partial<StoredData>): Promise<void> {
    // At once: the app may go on changing it.
    const data = JSON.stringify(session)
    const { cookie } = session
    const { calls, ttlMs } = await this.#access()
    const now = Date.now()
    const expires = expiryOf(cookie, ttlMs, now)
    if (expires <= now) return await this.#destroy(id)
    await setUnlessEnded(calls, id, data, expires)
    this.#touches.note(id, expires)
  }

  async #touch(id: string, session: Partial<StoredData>): Promise<void> {
    const { calls, ttlMs } = await this.#access()
    const now = Date.now()
    const expires = expiryOf(session.cookie, ttlMs, now)
    if (!this.#touches.isDue(id, expires, now)) return
    const isThere = await calls.call({ op: 'touch', id: id as SessionId, expires })
    if (isThere) this.#touches.note(id, expires)
  }

  async #destroy(id: string): Promise<void> {
    const { calls } = await this.#access()
    this.#touches.forget(id)
    await calls.call({ op: 'destroy', id: id as SessionId })
  }

  async #all(): Promise<ListedSession[]> {
    const access = await this.#access()
    const sessions: ListedSession[] = []
    await eachConcurrently(await allIds(access), async id => {
      const found = await access.calls.call({ op: 'get', id })
      if (found !== null) sessions.push({ ...parseStored(found.data, found.expires), id })
    })
    return sessions
  }

  async #clear(): Promise<void> {
    await eachConcurrently(await allIds(await this.#access()), id => this.#destroy(id))
  }
}
