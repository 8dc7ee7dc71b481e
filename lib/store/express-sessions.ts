/**
 * Making express-session's own session objects of stored data, without importing express-session: which copy of it
 * the app has only the app knows. Its middleware gives each store a `generate` that makes new sessions; what the stored
 * ones have to be made of is taken from one of these.
 */
import type { StoredData } from './stored-data.js'

/** A request as far as express-session's stores use it. */
export interface StoreRequest {
  sessionID?: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: the boundary to express-session's session, whose class is not ours
  session?: any
}

/** Gives a request a new session and a new id. */
export type Generate = (req: StoreRequest) => void

type SessionClass = new (req: StoreRequest, data: StoredData) => object

/** Makes express-session's sessions. */
export class ExpressSessions {
  #generate: Generate | null = null
  #session: SessionClass | null = null
  #cookiePrototype: object | null = null

  /** Makes a session of stored data and gives it to the request, whose id is the session's. */
  create(generate: Generate, req: StoreRequest, data: StoredData): object {
    if (this.#generate !== generate) this.#learn(generate, req)
    const { expires, originalMaxAge, ...attributes } = data.cookie
    const cookie = Object.create(this.#cookiePrototype) as StoredData['cookie']
    Object.assign(cookie, { path: '/', httpOnly: true }, attributes)
    cookie.expires = typeof expires === 'string' ? new Date(expires) : expires
    // Last: setting `expires` computes it anew.
    cookie.originalMaxAge = originalMaxAge ?? null
    const Session = this.#session as SessionClass
    req.session = new Session(req, { ...data, cookie })
    return req.session as object
  }

  /** Its Cookie has no constructor to be found by, so cookies are made from the prototype. */
  #learn(generate: Generate, req: StoreRequest): void {
    const { sessionID } = req
    generate(req)
    this.#session = req.session.constructor as SessionClass
    this.#cookiePrototype = Object.getPrototypeOf(req.session.cookie) as object
    this.#generate = generate
    req.sessionID = sessionID
  }
}
