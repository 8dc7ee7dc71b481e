/** A chain of Connect middleware, without a framework's additions to request and response. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import compression from 'compression'
import connect, { type ErrorHandleFunction, type HandleFunction, type NextFunction } from 'connect'
import cookieParser from 'cookie-parser'
import ejs from 'ejs'
import express from 'express'
import helmet from 'helmet'
import type { AppContext } from '../../../lib/index.js'
import {
  digest,
  isRight,
  LONG_TEXT,
  passportOf,
  proxy,
  serverSentEvents,
  smallUpload,
  upload,
  uploaded,
} from './connect-parts.js'
import { deliver, messageTo, note } from './journal.js'
import { type Place, placeOf, sessionOf, sessions } from './place.js'
import { rawRoutes } from './raw-routes.js'

/** What the middleware puts on a request. */
interface Request extends IncomingMessage {
  body?: unknown
  files?: unknown
  cookies?: unknown
  signedCookies?: unknown
  user?: { readonly id: string }
  logout(done: (error?: unknown) => void): void
}

type Server = ReturnType<typeof connect>

export function create(context: AppContext): Server {
  const place = placeOf(context)
  const app = connect()
  app.use('/raw', rawRoutes)
  bodies(app)
  files(app, place)
  answers(app, place)
  logins(app, place)
  streams(app, place)
  errors(app)
  return app
}

function json(res: ServerResponse, value: unknown, status = 200): void {
  const text = JSON.stringify(value)
  res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(text) })
  res.end(text)
}

/** Mounts middleware, the last of which answers. Types of middleware differ by whose request they name. */
function mount(app: Server, path: string, ...chain: readonly unknown[]): void {
  for (const each of chain) app.use(path, each as HandleFunction)
}

function keyOf(req: IncomingMessage): string {
  return new URL(req.url ?? '', 'http://localhost').searchParams.get('key') ?? ''
}

function bodies(app: Server): void {
  const echo = ({ body }: Request, res: ServerResponse) =>
    json(res, Buffer.isBuffer(body) ? { digest: digest(body) } : { body: body ?? null })
  mount(app, '/body/json', express.json(), echo)
  mount(app, '/body/urlencoded', express.urlencoded({ extended: true }), echo)
  mount(app, '/body/text', express.text(), echo)
  mount(app, '/body/raw', express.raw({ type: '*/*', limit: '2mb' }), echo)
  mount(app, '/body/limited', express.json({ limit: 1024 }), echo)
  const answer = (req: Request, res: ServerResponse) => json(res, uploaded(req.files, req.body))
  const arrived = (req: Request, _res: ServerResponse, next: NextFunction) => {
    note(keyOf(req), 'arrived')
    next()
  }
  const failed: ErrorHandleFunction = (error, req, _res, next) => {
    note(keyOf(req), String(error.message))
    next(error)
  }
  mount(app, '/upload/noted', arrived, upload.any(), answer, failed)
  mount(app, '/upload/limited', smallUpload.any(), answer)
  mount(app, '/upload', upload.any(), answer)
}

function files(app: Server, place: Place): void {
  mount(app, '/static', express.static(place.files, { maxAge: '1h' }))
  mount(app, '/view', async (req: Request, res: ServerResponse) => {
    const name = new URL(req.url ?? '', 'http://localhost').searchParams.get('name')
    res.setHeader('Content-Type', 'text/html; charset=utf-8')
    res.end(await ejs.renderFile(`${place.views}/page.ejs`, { name }))
  })
}

function answers(app: Server, place: Place): void {
  mount(app, '/compressed/parts', compression(), async (req: Request, res: ServerResponse) => {
    res.setHeader('Content-Type', 'text/plain')
    res.write('first part\n')
    ;(res as ServerResponse & { flush(): void }).flush()
    await messageTo(keyOf(req))
    res.end('second part\n')
  })
  mount(app, '/compressed', compression(), (_req: Request, res: ServerResponse) => {
    res.setHeader('Content-Type', 'text/plain')
    res.end(LONG_TEXT)
  })
  mount(app, '/helmet', helmet(), (_req: Request, res: ServerResponse) => res.end('with a helmet'))
  mount(app, '/cookies', cookieParser('cookie secret'), (req: Request, res: ServerResponse) => {
    res.setHeader('Set-Cookie', ['plain=a; Path=/cookies', 'other=b; HttpOnly'])
    json(res, { cookies: req.cookies, signed: req.signedCookies })
  })
  mount(app, '/redirect', (req: Request, res: ServerResponse) => {
    res.writeHead(req.method === 'POST' ? 303 : 302, { Location: '/etag' }).end()
  })
  void place
}

function logins(app: Server, place: Place): void {
  const form = express.urlencoded({ extended: false })
  mount(app, '/session', sessions(place), form, (req: Request, res: ServerResponse, next: NextFunction) => {
    const session = sessionOf(req)
    switch (`${req.method} ${req.url}`) {
      case 'GET /count':
        if (session !== undefined) session.count = (session.count ?? 0) + 1
        return json(res, { count: session?.count })
      case 'GET /me':
        return json(res, { user: session?.user ?? null })
      case 'POST /login': {
        const { username, password } = req.body as { username: string; password: string }
        if (!isRight(username, password)) return json(res, { error: 'wrong password' }, 401)
        return session?.regenerate(error => {
          if (error) return next(error)
          const fresh = sessionOf(req)
          if (fresh !== undefined) fresh.user = username
          res.writeHead(302, { Location: '/session/me' }).end()
        })
      }
      case 'POST /logout':
        return session?.destroy(error => (error ? next(error) : res.writeHead(204).end()))
      default:
        return next()
    }
  })
  const passport = passportOf()
  const chain = [sessions(place), passport.initialize(), passport.session(), form]
  mount(app, '/passport', ...chain)
  mount(app, '/passport/me', (req: Request, res: ServerResponse) =>
    json(res, { user: req.user?.id ?? null, in: req.user !== undefined }),
  )
  const toMe = (_req: Request, res: ServerResponse) => res.writeHead(302, { Location: '/passport/me' }).end()
  mount(app, '/passport/login', passport.authenticate('local', { failWithError: true }), toMe)
  mount(app, '/passport/logout', (req: Request, res: ServerResponse, next: NextFunction) => {
    req.logout(error => (error ? next(error) : toMe(req, res)))
  })
}

function streams(app: Server, place: Place): void {
  mount(app, '/events', serverSentEvents)
  mount(app, '/poll', async (req: Request, res: ServerResponse) => {
    if (req.method === 'POST') return json(res, { delivered: deliver(keyOf(req), 'news') })
    return json(res, { message: await messageTo(keyOf(req)) })
  })
  const passOn = proxy(place)
  app.use((req, res, next) => {
    if (req.url?.startsWith('/proxy/')) void passOn(req, res, next)
    else next()
  })
}

function errors(app: Server): void {
  mount(app, '/throw', () => {
    throw new Error('thrown')
  })
  mount(app, '/reject', async (_req: Request, _res: ServerResponse, next: NextFunction) => {
    await wait(1)
    next(Object.assign(new Error('no tea'), { status: 418 }))
  })
  mount(app, '/late', (_req: Request, res: ServerResponse, next: NextFunction) => {
    res.write('begun')
    setImmediate(() => next(new Error('too late for another answer')))
  })
  const handled: ErrorHandleFunction = (error, _req, res, _next) => json(res, { handled: error.message }, 502)
  mount(app, '/handled', () => {
    throw new Error('handled')
  })
  mount(app, '/handled', handled)
}
