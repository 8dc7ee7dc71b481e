/** A plain listener that counts in its session, and can be made to fail in every way an app can. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AppContext } from '../../../lib/index.js'

declare module '../../../lib/index.js' {
  interface SessionData {
    count?: number
    items?: string[]
    user?: string
  }
}

type Handler = (req: IncomingMessage, res: ServerResponse, query: URLSearchParams) => unknown

const hoard: unknown[] = []

/** What each path does. `/` increments; unknown paths are 404. */
const handlers: Record<string, Handler> = {
  '/': (req, res) => {
    const session = sessionOf(req)
    session.count = (session.count ?? 0) + 1
    res.end(String(session.count))
  },
  '/read': (req, res) => res.end(String(sessionOf(req).count ?? 'none')),
  '/static': (_req, res) => res.end('static'),
  '/id': (req, res) => res.end(req.sessionID),
  /** Adds an item after `ms`, so that two requests overlap. */
  '/slow-add': async (req, res, query) => {
    const session = sessionOf(req)
    session.items ??= []
    const { items } = session
    await new Promise(resolve => setTimeout(resolve, Number(query.get('ms') ?? 50)))
    items.push(query.get('item') ?? '')
    res.end(items.join(','))
  },
  '/items': (req, res) => res.end((sessionOf(req).items ?? []).join(',')),
  '/login': async (req, res, query) => {
    await sessionOf(req).regenerate()
    sessionOf(req).user = query.get('user') ?? ''
    res.writeHead(302, { location: '/whoami' }).end()
  },
  '/whoami': (req, res) => res.end(sessionOf(req).user ?? 'nobody'),
  '/logout': async (req, res) => {
    await sessionOf(req).destroy()
    res.end('bye')
  },
  /** Changes the session, waits until told by `ms`, then answers: to be overtaken by a logout. */
  '/late-write': async (req, res, query) => {
    const session = sessionOf(req)
    await new Promise(resolve => setTimeout(resolve, Number(query.get('ms') ?? 100)))
    session.count = 1000
    res.end('written')
  },
  '/unserializable': (req, res) => {
    sessionOf(req).user = (() => 'a function') as unknown as string
    res.end('never seen')
  },
  '/big': (req, res, query) => {
    sessionOf(req).user = 'x'.repeat(Number(query.get('bytes')))
    res.end('stored')
  },
  /** An error that nobody catches, a moment after the answer. */
  '/throw': (_req, res) => {
    res.end('soon')
    setTimeout(() => {
      throw new Error('thrown for the test')
    }, 5)
  },
  '/throw-now': () => {
    throw new Error('thrown at once for the test')
  },
  '/exit': () => process.exit(7),
  '/hang': () => {
    for (;;);
  },
  /** Small pieces over many turns of the event loop, so that the heap limit ends the thread and not the process. */
  '/exhaust': (_req, res) => {
    res.end('soon')
    const eat = () => {
      for (let piece = 0; piece < 20_000; piece++) hoard.push({ piece, text: `piece ${piece}` })
      setImmediate(eat)
    }
    eat()
  },
}

function sessionOf(req: IncomingMessage) {
  const { session } = req
  if (session === undefined) throw new Error('the request has no session')
  return session
}

export function create(_context: AppContext) {
  return (req: IncomingMessage, res: ServerResponse): unknown => {
    const url = new URL(req.url ?? '/', 'http://localhost')
    const handler = handlers[url.pathname]
    if (handler === undefined) return res.writeHead(404).end('not found')
    return handler(req, res, url.searchParams)
  }
}
