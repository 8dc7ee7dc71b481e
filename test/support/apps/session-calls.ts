/**
 * A plain listener with a path for each thing that an app can do to its session, written with nothing but what
 * express-session documents: it runs under express-session and under Troupe. Answers are JSON.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { Gates } from '../gates.js'

type Done = (error?: unknown) => void

/** A session as express-session documents it. */
export interface AnySession {
  [member: string]: unknown
  readonly id: string
  cookie: AnyCookie
  save(done?: Done): unknown
  reload(done: Done): unknown
  regenerate(done: Done): unknown
  destroy(done: Done): unknown
  touch(): unknown
  resetMaxAge(): unknown
}

interface AnyCookie {
  maxAge: unknown
  originalMaxAge: unknown
  expires: unknown
  _expires: unknown
  secure: unknown
  readonly data: object
  serialize(name: string, value: string): string
}

/** A request of whichever kind of session. */
export interface AnyRequest {
  session: AnySession | null | undefined
  readonly sessionID: string
  readonly sessionStore?: unknown
}

type Call = (
  req: AnyRequest,
  session: AnySession,
  query: URLSearchParams,
  res: ServerResponse,
) => unknown | Promise<unknown>

const gates = new Gates()

/** What each path does; what it returns is answered. */
const calls: Record<string, Call> = {
  '/count': (_req, session) => count(session),
  '/read': (_req, session) => session.count ?? null,
  '/look': req => typeof req.session,
  '/id': req => req.sessionID,
  '/user': (_req, session, query) => {
    session.user = query.get('user')
    return 'kept'
  },
  '/whoami': (_req, session) => session.user ?? null,
  '/forget': (_req, session) => delete session.count,
  '/add': (_req, session, query) => {
    session.cart ??= { items: [] }
    const { items } = session.cart as { items: unknown[] }
    items.push(query.get('item'))
    return session.cart
  },
  '/shape': (_req, session) => {
    const listed: string[] = []
    for (const key in session) listed.push(key)
    return {
      keys: Object.keys(session).sort(),
      listed: listed.sort(),
      spread: Object.keys({ ...session }).sort(),
      json: Object.keys(JSON.parse(JSON.stringify(session)) as object).sort(),
      hasMethods: ['save', 'reload', 'regenerate', 'destroy', 'touch', 'resetMaxAge'].every(
        name => name in session,
      ),
    }
  },
  '/ids': (req, session) => {
    const { id } = session
    let refused = false
    try {
      Reflect.set(session, 'id', 'another')
      Object.assign(session, { id: 'another' })
    } catch {
      refused = true
    }
    return { alike: id === req.sessionID, refused, unchanged: session.id === id }
  },
  '/values': (_req, session) => {
    session.date = new Date(0)
    session.gone = undefined
    session.list = [1, undefined]
    return 'kept'
  },
  '/value': (_req, session, query) => session[query.get('key') ?? ''] ?? null,
  '/function': (_req, session) => {
    session.count = 7
    session.work = () => {}
    return 'kept'
  },
  '/save': async (_req, session) => {
    session.count = 5
    await done(session, 'save')
    return 'saved'
  },
  '/save-without-callback': (_req, session) => {
    session.count = 5
    const returned = session.save()
    return returned instanceof Promise ? 'a promise' : String(returned)
  },
  '/reload': async (req, session) => {
    session.count = 99
    const error = await failure(done(session, 'reload'))
    return { failed: error !== null, count: req.session?.count ?? null }
  },
  '/regenerate': async (req, session, query) => {
    const before = req.sessionID
    await done(session, 'regenerate')
    const after = req.session as AnySession
    const kept = Object.keys(after).filter(key => key !== 'cookie')
    after.user = query.get('user')
    return {
      kept,
      isNew: after !== session,
      newId: req.sessionID !== before,
      alike: after.id === req.sessionID,
    }
  },
  /** As apps log in: a new session, with what is to be kept of the old one. */
  '/login': async (req, session, query) => {
    const { cart } = session
    await done(session, 'regenerate')
    Object.assign(req.session as AnySession, { user: query.get('user'), cart })
    return 'welcome'
  },
  '/promises': async (_req, session) => {
    session.count = 5
    return (session.save as () => unknown)() instanceof Promise
  },
  '/destroy': async (req, session) => {
    await done(session, 'destroy')
    return { session: typeof req.session, id: typeof req.sessionID }
  },
  '/unset': (req, session) => {
    session.count = 99
    req.session = null
    return String(req.session ?? 'none')
  },
  '/delete': (req, session) => {
    session.count = 99
    Reflect.deleteProperty(req, 'session')
    return typeof req.session
  },
  '/lifetime': (_req, session, query) => {
    session.cookie.maxAge = Number(query.get('ms'))
    return count(session)
  },
  '/lifetime-alone': (_req, session, query) => {
    session.cookie.maxAge = Number(query.get('ms'))
    return 'set'
  },
  '/expires': (_req, session, query) => {
    session.cookie.expires = new Date(Date.now() + Number(query.get('ms')))
    return count(session)
  },
  '/expires-false': (_req, session) => {
    session.cookie.expires = false
    return count(session)
  },
  '/left': (_req, session) => {
    const { maxAge, originalMaxAge, expires, _expires, data } = session.cookie
    const kinds = [expires, _expires].map(each => (each instanceof Date ? 'Date' : each))
    return { maxAge, originalMaxAge, kinds, data: Object.keys(data).sort() }
  },
  '/touch': async (_req, session, query) => {
    session.cookie.maxAge = 60_000
    await wait(20)
    const before = Number(session.cookie.maxAge)
    const returned = query.has('reset') ? session.resetMaxAge() : session.touch()
    return { returned: returned === session, began: Number(session.cookie.maxAge) > before }
  },
  '/serialize': (_req, session) => session.cookie.serialize('name', 'a value'),
  '/attributes': (_req, session) => {
    const attributes = {
      domain: 'example.com',
      path: '/x',
      httpOnly: false,
      sameSite: true,
      priority: 'high',
    }
    Object.assign(session.cookie, attributes, { partitioned: true })
    return count(session)
  },
  '/attribute': (_req, session) => session.cookie.data,
  '/secure': (_req, session) => {
    session.cookie.secure = true
    return count(session)
  },
  '/late': (_req, session, _query, res) => {
    res.flushHeaders()
    return count(session)
  },
  '/internals': (req, session) => ({
    store: typeof req.sessionStore,
    req: typeof session.req,
  }),
}

function count(session: AnySession): number {
  const next = Number(session.count ?? 0) + 1
  session.count = next
  return next
}

/** A session call with a callback, as a promise. */
function done(session: AnySession, name: 'save' | 'reload' | 'regenerate' | 'destroy'): Promise<void> {
  return new Promise((resolve, reject) => {
    session[name](error => {
      if (error === null || error === undefined) resolve()
      else reject(error)
    })
  })
}

async function failure(outcome: Promise<void>): Promise<unknown> {
  return outcome.then(
    () => null,
    error => error,
  )
}

/** The listener. `/in/read` is `/read`, for cookies with a path; `/read?gate=x` waits at a gate with its session. */
export default async function listener(incoming: IncomingMessage, res: ServerResponse): Promise<void> {
  // The boundary: req.session is of express-session or of Troupe.
  const req = incoming as unknown as AnyRequest
  const url = new URL(incoming.url ?? '/', 'http://localhost')
  const path = url.pathname.replace(/^\/in\//, '/')
  const gate = url.searchParams.get('gate')
  if (path === '/waiting' || path === '/open') {
    res.end(String(path === '/open' ? gates.open(gate ?? '') : gates.waitingAt(gate ?? '')))
    return
  }
  if (path === '/nothing') {
    res.end('"nothing"')
    return
  }
  const call = calls[path]
  if (call === undefined) {
    res.writeHead(404).end('"not found"')
    return
  }
  const { session } = req
  if (gate !== null) await gates.wait(gate)
  const answer = session ? await call(req, session, url.searchParams, res) : 'no session'
  res.end(JSON.stringify(answer ?? null))
}
