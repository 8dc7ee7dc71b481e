/**
 * Sessions at the admin listener: GET /sessions, POST /sessions/show, /sessions/find and /sessions/destroy. An id is as
 * good as its visitor's password, so it is told, as the data is, only to those who ask for it: `ids`, `reveal`. Requests
 * name sessions in their bodies, never in an address that some log would keep. Where nobody is asked for a token, so that
 * every program of this machine may ask, neither is told.
 */
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { SessionInfo, SessionQuery, Sessions } from '../transport/session-call-register.js'
import { fingerprintOf, isFingerprint } from '../transport/session-fingerprint.js'
import type { Answer } from './answers.js'
import { bodyOf } from './body.js'
import {
  AdminBodyError,
  AdminTokenRequiredError,
  type Failure,
  failureAnswer,
  failureOf,
  SessionUnknownError,
} from './failures.js'
import { beginLines, lineOf } from './json-lines.js'
import type { Asking, Route } from './route.js'

/** A session as it is told. */
export interface ShownSession {
  /** Tells it from others, and is nothing that one could use as its visitor. */
  readonly fingerprint: string
  /** With `ids`. */
  readonly id?: string
  /** ms since the Unix epoch. */
  readonly expires: number
  /** Size of its JSON text. */
  readonly bytes: number
  /** Names of its members. */
  readonly members: readonly string[]
  /** With `reveal`. */
  readonly data?: Readonly<Record<string, unknown>>
}

/** One line of a list of sessions. */
export type SessionLine =
  | { readonly session: ShownSession }
  | { readonly result: { readonly listed: number; readonly more: boolean } }
  | { readonly error: Failure }

interface Shown {
  readonly ids: boolean
  readonly reveal: boolean
}

/** Sessions of a list that are read at once. */
const AT_ONCE = 16
const LISTED_DEFAULT = 100

/** `GET /sessions?limit=100&ids=true&reveal=true`, limit 0 for all of them. */
export const listSessionsRoute: Route = {
  method: 'GET',
  run: async ({ cluster: { sessions } }, { request, response, isTrusted }) => {
    const query = new URLSearchParams((request.url ?? '').split('?')[1])
    const text = query.get('limit') ?? String(LISTED_DEFAULT)
    if (!/^\d{1,9}$/.test(text)) return failureAnswer(new AdminBodyError('limit is no whole number.'))
    const limit = Number(text) === 0 ? Number.POSITIVE_INFINITY : Number(text)
    const shown = { ids: query.get('ids') === 'true', reveal: query.get('reveal') === 'true' }
    if (!isTrusted && (shown.ids || shown.reveal)) return failureAnswer(new AdminTokenRequiredError())
    beginLines(response)
    if (request.method === 'HEAD') {
      response.end()
      return null
    }
    // A reader that is slow slows the list down; one that leaves ends it.
    await pipeline(Readable.from(linesOf(listed(sessions, limit, shown))), response).catch(
      (error: unknown) => {
        if (!isLeft(error)) throw error
      },
    )
    return null
  },
}

/** `{ "session": "id or fingerprint", "reveal": true }` */
export const showSessionRoute: Route = sessionRoute(async (sessions, body) => {
  const session = await sessions.get(await idOf(sessions, body.session))
  if (session === null) throw new SessionUnknownError()
  return { session: asShown(session, shownOf(body)) }
})

/** `{ "where": { "user": 42 }, "ids": true }` */
export const findSessionsRoute: Route = sessionRoute(async (sessions, body) => {
  const found = await sessions.find(queryOf(body.where))
  return { sessions: found.map(session => asShown(session, shownOf(body))) }
})

/** `{ "session": "id or fingerprint" }` or `{ "where": { "user": 42 } }` */
export const destroySessionsRoute: Route = sessionRoute(async (sessions, body) => {
  if (body.where !== undefined) return { destroyed: await sessions.destroyAll(queryOf(body.where)) }
  if (!(await sessions.destroy(await idOf(sessions, body.session)))) throw new SessionUnknownError()
  return { destroyed: 1 }
})

function sessionRoute(
  run: (sessions: Sessions, body: Readonly<Record<string, unknown>>) => Promise<object>,
): Route {
  const ask = async (sessions: Sessions, { body, isTrusted }: Asking): Promise<Answer> => {
    try {
      const asked = bodyOf(body)
      const { ids, reveal } = shownOf(asked)
      if (!isTrusted && (ids || reveal)) throw new AdminTokenRequiredError()
      return { status: 200, body: await run(sessions, asked) }
    } catch (error) {
      return failureAnswer(error)
    }
  }
  return { method: 'POST', run: ({ cluster }, asking) => ask(cluster.sessions, asking) }
}

/** The reader has closed its connection. */
function isLeft(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_STREAM_PREMATURE_CLOSE'
}

async function* linesOf(sessions: AsyncIterable<SessionLine>): AsyncGenerator<string> {
  try {
    for await (const line of sessions) yield lineOf(line)
  } catch (error) {
    yield lineOf({ error: failureOf(error) })
  }
}

async function* listed(sessions: Sessions, limit: number, shown: Shown): AsyncGenerator<SessionLine> {
  let count = 0
  for await (const ids of inBatches(sessions.ids())) {
    const batch = await Promise.all(ids.map(id => sessions.get(id)))
    for (const session of batch) {
      // It has ended meanwhile.
      if (session === null) continue
      if (count === limit) {
        yield { result: { listed: count, more: true } }
        return
      }
      count++
      yield { session: asShown(session, shown) }
    }
  }
  yield { result: { listed: count, more: false } }
}

async function* inBatches(ids: AsyncIterable<string>): AsyncGenerator<readonly string[]> {
  let batch: string[] = []
  for await (const id of ids) {
    batch.push(id)
    if (batch.length < AT_ONCE) continue
    yield batch
    batch = []
  }
  yield batch
}

/** An id, or what a list shows in its place: then all ids are looked through. @throws SessionUnknownError */
async function idOf(sessions: Sessions, session: unknown): Promise<string> {
  if (typeof session !== 'string' || session === '') {
    throw new AdminBodyError('The body names no session: { "session": "id or fingerprint" }.')
  }
  if (!isFingerprint(session) || (await sessions.get(session)) !== null) return session
  for await (const id of sessions.ids()) if (fingerprintOf(id) === session) return id
  throw new SessionUnknownError()
}

function queryOf(where: unknown): SessionQuery {
  if (typeof where === 'object' && where !== null && !Array.isArray(where)) return where as SessionQuery
  throw new AdminBodyError('The body names no index: { "where": { "user": 42 } }.')
}

function shownOf({ ids, reveal }: Readonly<Record<string, unknown>>): Shown {
  return { ids: ids === true, reveal: reveal === true }
}

function asShown({ id, data, expires }: SessionInfo, { ids, reveal }: Shown): ShownSession {
  return {
    fingerprint: fingerprintOf(id),
    ...(ids ? { id } : {}),
    expires,
    bytes: Buffer.byteLength(JSON.stringify(data)),
    members: Object.keys(data),
    ...(reveal ? { data } : {}),
  }
}
