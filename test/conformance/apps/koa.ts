/** Koa 3 with the middleware that its users combine it with. */
import { createReadStream } from 'node:fs'
import { createRequire } from 'node:module'
import { PassThrough } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { constants } from 'node:zlib'
import { bodyParser } from '@koa/bodyparser'
import ejs from 'ejs'
import helmet from 'helmet'
import Koa, { type Context, type Middleware } from 'koa'
import compress from 'koa-compress'
import { createSession } from 'koa-session'
import serveStatic from 'koa-static'
import type { AppContext } from '../../../lib/index.js'
import { digest, isRight, LONG_TEXT, proxy, uploaded } from './connect-parts.js'
import { deliver, messageTo, note } from './journal.js'
import { type AppSession, type Place, placeOf, SECRET, SESSION_COOKIE } from './place.js'
import { RAW_PREFIX, rawRoutes } from './raw-routes.js'

/** Its types are not installed. */
const multer = createRequire(import.meta.url)('@koa/multer') as (options: object) => { any(): Middleware }

type Handler = (ctx: Context) => unknown

export function create(context: AppContext): Koa {
  const place = placeOf(context)
  const app = new Koa()
  app.keys = [SECRET]
  app.silent = true
  const routes: Record<string, readonly [...Middleware[], Handler]> = {
    ...bodies(),
    ...uploads(),
    ...answers(place),
    ...logins(),
    ...streams(),
    ...errors(),
  }
  const passOn = proxy(place)
  app.use(async (ctx, next) => {
    if (ctx.path.startsWith(`${RAW_PREFIX}/`)) {
      ctx.respond = false
      // Koa has made it 404 already.
      ctx.res.statusCode = 200
      rawRoutes(ctx.req, ctx.res)
    } else if (ctx.path.startsWith('/proxy/')) {
      ctx.respond = false
      await passOn(ctx.req, ctx.res, next)
    } else await next()
  })
  if (place.bare) app.use(koaSession(app))
  app.use(async (ctx, next) => {
    const chain = routes[`${ctx.method === 'HEAD' ? 'GET' : ctx.method} ${ctx.path}`]
    if (chain === undefined) return next()
    await runChain(chain, ctx)
  })
  app.use(belowStatic(serveStatic(place.files, { maxage: 3_600_000 })))
  return app
}

function koaSession(app: Koa): Middleware {
  const options = { key: SESSION_COOKIE, maxAge: 'session', sameSite: 'lax', store: memoryStore() }
  return createSession(options as never, app as never) as unknown as Middleware
}

function memoryStore() {
  const sessions = new Map<string, unknown>()
  return {
    get: async (id: string) => sessions.get(id),
    set: async (id: string, session: { toJSON?(): unknown }) => void sessions.set(id, session),
    destroy: async (id: string) => void sessions.delete(id),
  }
}

async function runChain(chain: readonly Middleware[], ctx: Context, at = 0): Promise<void> {
  await chain[at]?.(ctx as never, () => runChain(chain, ctx, at + 1))
}

function belowStatic(files: Middleware): Middleware {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/static/')) return next()
    ctx.path = ctx.path.slice('/static'.length)
    await files(ctx, next)
  }
}

function bodies(): Record<string, readonly [...Middleware[], Handler]> {
  const echo: Handler = ctx => {
    ctx.body = { body: (ctx.request as { body?: unknown }).body ?? null }
  }
  return {
    'POST /body/json': [bodyParser({ enableTypes: ['json'] }) as Middleware, echo],
    'POST /body/urlencoded': [bodyParser({ enableTypes: ['form'] }) as Middleware, echo],
    'POST /body/text': [bodyParser({ enableTypes: ['text'] }) as Middleware, echo],
    'POST /body/limited': [bodyParser({ enableTypes: ['json'], jsonLimit: 1024 }) as Middleware, echo],
    'POST /body/raw': [
      async ctx => {
        const pieces: Buffer[] = []
        for await (const piece of ctx.req) pieces.push(piece as Buffer)
        ctx.body = { digest: digest(Buffer.concat(pieces)) }
      },
    ],
  }
}

function uploads(): Record<string, readonly [...Middleware[], Handler]> {
  const answer: Handler = ctx => {
    const { files, body } = ctx.request as { files?: unknown; body?: unknown }
    ctx.body = uploaded(files, body)
  }
  const noted: Middleware = async (ctx, next) => {
    const key = String(ctx.query.key)
    note(key, 'arrived')
    try {
      await next()
    } catch (error) {
      note(key, error instanceof Error ? error.message : String(error))
      throw error
    }
  }
  const limits = { fileSize: 8 * 1024 * 1024, files: 5 }
  return {
    'POST /upload': [multer({ limits }).any(), answer],
    'POST /upload/limited': [multer({ limits: { fileSize: 1024 } }).any(), answer],
    'POST /upload/noted': [noted, multer({ limits }).any(), answer],
  }
}

function answers({ views }: Place): Record<string, readonly [...Middleware[], Handler]> {
  const compressed = compress({ br: { params: { [constants.BROTLI_PARAM_QUALITY]: 4 } } }) as Middleware
  return {
    'GET /compressed': [
      compressed,
      ctx => {
        ctx.body = LONG_TEXT
      },
    ],
    'GET /etag': [
      ctx => {
        ctx.body = { always: 'the same' }
        ctx.etag = 'of-the-same'
        if (ctx.fresh) ctx.status = 304
      },
    ],
    'GET /modified': [
      ctx => {
        ctx.status = 200
        ctx.lastModified = new Date('2015-10-21T07:28:00Z')
        if (ctx.fresh) ctx.status = 304
        else ctx.body = 'since 2015'
      },
    ],
    'GET /helmet': [
      async (ctx, next) => {
        await new Promise<void>((resolve, reject) =>
          helmet()(ctx.req, ctx.res, error => (error ? reject(error) : resolve())),
        )
        await next()
      },
      ctx => {
        ctx.body = 'with a helmet'
      },
    ],
    'GET /cookies': [
      ctx => {
        const seen = { plain: ctx.cookies.get('a'), signed: ctx.cookies.get('signed', { signed: true }) }
        ctx.cookies.set('plain', 'ab', { signed: false, path: '/cookies' })
        ctx.cookies.set('signed', 'value')
        ctx.body = seen
      },
    ],
    'GET /view': [
      async ctx => {
        ctx.type = 'html'
        ctx.body = await ejs.renderFile(`${views}/page.ejs`, { name: ctx.query.name })
      },
    ],
    'GET /redirect': [ctx => ctx.redirect('/etag')],
    'POST /redirect': [
      ctx => {
        ctx.status = 303
        ctx.redirect('/etag')
      },
    ],
    'GET /redirect/moved': [
      ctx => {
        ctx.status = 301
        ctx.redirect('https://example.com/ü')
      },
    ],
    'GET /facts': [
      ctx => {
        const { ip, ips, protocol, secure, hostname, originalUrl, path, subdomains, origin, href } = ctx
        ctx.body = { ip, ips, protocol, secure, hostname, originalUrl, path, subdomains, origin, href }
      },
    ],
    'GET /stream': [
      ctx => {
        ctx.type = 'text'
        ctx.body = createReadStream(`${views}/page.ejs`)
      },
    ],
  }
}

function logins(): Record<string, readonly [...Middleware[], Handler]> {
  // Under Troupe it is the request's, under koa-session the context's.
  const current = (ctx: Context) =>
    (ctx.req.session ?? ctx.session) as unknown as AppSession & { regenerate(): Promise<void> }
  return {
    'GET /session/count': [
      ctx => {
        const session = current(ctx)
        session.count = (session.count ?? 0) + 1
        ctx.body = { count: session.count }
      },
    ],
    'GET /session/me': [
      ctx => {
        ctx.body = { user: current(ctx).user ?? null }
      },
    ],
    'POST /session/login': [
      bodyParser({ enableTypes: ['form'] }) as Middleware,
      async ctx => {
        const { username, password } = (ctx.request as unknown as { body: Record<string, string> }).body
        if (!isRight(username ?? '', password ?? '')) ctx.throw(401, 'wrong password')
        await renew(ctx)
        const session = current(ctx)
        if (username !== undefined) session.user = username
        ctx.redirect('/session/me')
      },
    ],
    'POST /session/logout': [
      async ctx => {
        if (ctx.req.session !== undefined) await ctx.req.session.destroy()
        else ctx.session = null
        ctx.status = 204
      },
    ],
  }
}

async function renew(ctx: Context): Promise<void> {
  if (ctx.req.session !== undefined) await ctx.req.session.regenerate()
  else await (ctx.session as unknown as { regenerate(): Promise<void> }).regenerate()
}

function streams(): Record<string, readonly [...Middleware[], Handler]> {
  return {
    'GET /events': [
      ctx => {
        const events = new PassThrough()
        const { key } = ctx.query
        ctx.type = 'text/event-stream'
        ctx.set('Cache-Control', 'no-cache')
        ctx.body = events
        let sent = 0
        const timer = setInterval(() => {
          events.write(`id: ${++sent}\ndata: {"tick":${sent}}\n\n`)
          if (key !== undefined || sent < 3) return
          clearInterval(timer)
          events.end()
        }, 5)
        ctx.req.on('close', () => {
          clearInterval(timer)
          if (key !== undefined) note(String(key), 'the client has left')
        })
      },
    ],
    'GET /poll': [
      async ctx => {
        ctx.body = { message: await messageTo(String(ctx.query.key)) }
      },
    ],
    'POST /poll': [
      ctx => {
        ctx.body = { delivered: deliver(String(ctx.query.key), 'news') }
      },
    ],
  }
}

function errors(): Record<string, readonly [...Middleware[], Handler]> {
  return {
    'GET /throw': [
      () => {
        throw new Error('thrown')
      },
    ],
    'GET /reject': [
      async ctx => {
        await wait(1)
        ctx.throw(418, 'no tea')
      },
    ],
    'GET /late': [
      async ctx => {
        ctx.respond = false
        ctx.res.write('begun')
        await wait(1)
        throw new Error('too late for another answer')
      },
    ],
    'GET /handled': [
      async (ctx, next) => {
        try {
          await next()
        } catch (error) {
          ctx.status = 502
          ctx.body = { handled: error instanceof Error ? error.message : error }
        }
      },
      () => {
        throw new Error('handled')
      },
    ],
  }
}
