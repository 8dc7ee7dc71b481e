/** Where an app of this folder runs, and what it is given there. */
import type { IncomingMessage } from 'node:http'
import { join } from 'node:path'
import expressSession from 'express-session'
import type { AppContext } from '../../../lib/index.js'

/** The name that the bare server passes to `create` in place of a web server's. */
export const BARE = 'bare node:http'

/** Variables of the environment that tell an app of its test. */
export const FOLDER_VARIABLE = 'TROUPE_CONFORMANCE_FOLDER'
export const UPSTREAM_VARIABLE = 'TROUPE_CONFORMANCE_UPSTREAM'

/** Signs session cookies on both sides; tests only. */
export const SECRET = 'a secret for conformance tests only'
/** Name of the session cookie on both sides. */
export const SESSION_COOKIE = 'sid'

/** One app's surroundings. */
export interface Place {
  /** Under bare node:http, which has no sessions of its own. */
  readonly bare: boolean
  /** Static files. */
  readonly files: string
  /** Templates. */
  readonly views: string
  /** Base URL of a server that the app's proxy passes requests on to. */
  readonly upstream: string
}

export function placeOf(context: AppContext): Place {
  const folder = process.env[FOLDER_VARIABLE] ?? '.'
  return {
    bare: context.name === BARE,
    files: join(folder, 'files'),
    views: join(folder, 'views'),
    upstream: process.env[UPSTREAM_VARIABLE] ?? '',
  }
}

/** What the apps use of a session, the same in Troupe, express-session and @fastify/session. */
export interface AppSession {
  user?: string
  count?: number
  readonly id: string
  regenerate(callback: (error?: unknown) => void): unknown
  destroy(callback: (error?: unknown) => void): unknown
}

/** A request's session, whoever gave it one: their types differ, what is used of them does not. */
export function sessionOf(req: object): AppSession | undefined {
  return (req as { session?: AppSession }).session
}

/** A middleware that needs no framework. */
export type Middleware = (req: IncomingMessage, res: never, next: (error?: unknown) => void) => unknown

/** express-session under bare node:http, nothing under Troupe. */
export function sessions({ bare }: Place): Middleware {
  if (!bare) return (_req, _res, next) => next()
  return expressSession({
    secret: SECRET,
    name: SESSION_COOKIE,
    resave: false,
    saveUninitialized: false,
    cookie: { sameSite: 'lax' },
  }) as unknown as Middleware
}
