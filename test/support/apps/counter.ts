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

/** Requests of this web server that wait, by the name of their gate. */
const gates = new Map<string, (() => void)[]>()

/** Waits until somebody asks this web server for /open. */
function gate(query: URLSearchParams): Promise<void> {
  return new Promise(pass => {
    const name = nameOf(query)
    gates.set(name, [...(gates.get(name) ?? []), pass])
  })
}

function nameOf(query: URLSearchParams): string {
  return query.get('gate') ?? ''
}

/** What each path does. `/` increments; unknown paths are 404. */
const handlers: Record<string, Handler> = {
  '/': (req, res) => {
    const session = sessionOf(req)
    session.count = (session.count ?? 0) + 1
    res.end(String(session.count))
  },
  '/read': (req, res) => res.end(String(sessionOf(req).count ?? 'none')),
  /** As / and /read, in a session that belongs to whoever used it first, and says so. `ms` is what it computes. */
  '/mine/': (req, res, query) => {
    const session = sessionOf(req)
    compute(Number(query.get('ms')))
    session.user ??= query.get('name') ?? ''
    session.count = (session.count ?? 0) + 1
    res.end(`${session.count} ${session.user}`)
  },
  '/mine/read': (req, res) => {
    const { count, user } = sessionOf(req)
    res.end(`${count ?? 'none'} ${user ?? 'nobody'}`)
  },
  '/static': (_req, res) => res.end('static'),
  '/id': (req, res) => res.end(req.sessionID),
  /** Adds an item to an array that it took before the gate opened, so that two requests overlap. */
  '/slow-add': async (req, res, query) => {
    const session = sessionOf(req)
    session.items ??= []
    const { items } = session
    await gate(query)
    items.push(query.get('item') ?? '')
    res.end(items.join(','))
  },
  /** Sets `count` after the gate has opened: to be overtaken by a logout. */
  '/late-write': async (req, res, query) => {
    const session = sessionOf(req)
    await gate(query)
    session.count = 1000
    res.end('written')
  },
  /** Waits at a gate and answers; the session is not looked at. */
  '/wait': async (_req, res, query) => {
    await gate(query)
    res.end('waited')
  },
  /** As /wait, with a session that is looked at. */
  '/wait-and-count': async (req, res, query) => {
    const session = sessionOf(req)
    await gate(query)
    session.count = (session.count ?? 0) + 1
    res.end(String(session.count))
  },
  /** Begins its answer, and goes on after the gate. */
  '/begin': async (_req, res, query) => {
    res.write('begun')
    await gate(query)
    res.end(' and ended')
  },
  /** How many requests wait at a gate of this web server. */
  '/waiting': (_req, res, query) => res.end(String(gates.get(nameOf(query))?.length ?? 0)),
  '/open': (_req, res, query) => {
    const waiting = gates.get(nameOf(query)) ?? []
    gates.delete(nameOf(query))
    for (const pass of waiting) pass()
    res.end(String(waiting.length))
  },
  '/items': (req, res) => res.end((sessionOf(req).items ?? []).join(',')),
  '/login': async (req, res, query) => {
    await sessionOf(req).regenerate()
    sessionOf(req).user = query.get('user') ?? ''
    res.writeHead(302, { location: '/whoami' }).end()
  },
  '/whoami': (req, res) => res.end(sessionOf(req).user ?? 'nobody'),
  /** As express-session's users write it. */
  '/login-with-callbacks': (req, res, query) => {
    sessionOf(req).regenerate(error => {
      if (error) throw error
      sessionOf(req).user = query.get('user') ?? ''
      sessionOf(req).save(failure => {
        if (failure) throw failure
        res.writeHead(302, { location: '/whoami' }).end()
      })
    })
  },
  /** A login that waits for nothing: the redirect is all that it does after its change. */
  '/enter': (req, res, query) => {
    sessionOf(req).user = query.get('user') ?? ''
    res.writeHead(302, { location: '/whoami' }).end()
  },
  /** Begins its answer, and changes the session after the gate. */
  '/count-after-head': async (req, res, query) => {
    const session = sessionOf(req)
    res.write('begun')
    await gate(query)
    session.count = (session.count ?? 0) + 1
    res.end(' and ended')
  },
  /** Changes the session and begins to answer with it, the head first. */
  '/count-in-parts': (req, res) => {
    const session = sessionOf(req)
    session.count = (session.count ?? 0) + 1
    res.writeHead(200, { 'x-count': String(session.count) })
    res.write('part one, ')
    res.end('part two')
  },
  '/logout': async (req, res) => {
    await sessionOf(req).destroy()
    res.end('bye')
  },
  /** As /logout and /, but nobody waits for what the session promises. */
  '/forgetful-logout': (req, res) => {
    void sessionOf(req).destroy()
    res.end('bye')
  },
  '/forgetful-save': (req, res) => {
    const session = sessionOf(req)
    session.count = (session.count ?? 0) + 1
    void session.save()
    res.end(String(session.count))
  },
  '/unserializable': (req, res) => {
    sessionOf(req).user = (() => 'a function') as unknown as string
    res.end('never seen')
  },
  '/big': (req, res, query) => {
    sessionOf(req).user = 'x'.repeat(Number(query.get('bytes')))
    res.end('stored')
  },
  '/set-cookie-age': (req, res, query) => {
    sessionOf(req).cookie.maxAge = Number(query.get('ms'))
    res.end('set')
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
  '/throw-coded': () => {
    const cause = Object.assign(new Error('the cause'), { code: 'E_CAUSE' })
    throw Object.assign(new Error('with all that an error can carry', { cause }), {
      code: 'E_TEST',
      order: 12,
    })
  },
  '/reject': async () => {
    throw new Error('a promise of the listener, rejected for the test')
  },
  '/reject-unseen': (_req, res) => {
    void Promise.reject(new Error('a promise of nobody, rejected for the test'))
    res.end('soon')
  },
  '/exit': () => process.exit(7),
  /** Computes for so long without a pause. */
  /** Keeps the event loop from everything else, as computing would, but leaves the processor to others. */
  '/stand-still': (_req, res, query) => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Number(query.get('ms')))
    res.end('went on')
  },
  /** What this web server's thread holds, after a collection when node runs with --expose-gc. */
  '/memory': (_req, res) => {
    globalThis.gc?.()
    const resources = process.getActiveResourcesInfo()
    const ports = resources.filter(kind => kind === 'MessagePort').length
    res.end(JSON.stringify({ heapBytes: process.memoryUsage().heapUsed, ports }))
  },
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

function compute(ms: number): void {
  const end = performance.now() + ms
  while (performance.now() < end);
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
