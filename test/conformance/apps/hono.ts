/** Hono: an app of web standard requests and responses. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'
import { serveStatic } from '@hono/node-server/serve-static'
import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response'
import ejs from 'ejs'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { compress } from 'hono/compress'
import { getCookie, getSignedCookie, setCookie, setSignedCookie } from 'hono/cookie'
import { csrf } from 'hono/csrf'
import { etag } from 'hono/etag'
import { HTTPException } from 'hono/http-exception'
import { proxy } from 'hono/proxy'
import { secureHeaders } from 'hono/secure-headers'
import { streamSSE } from 'hono/streaming'
import { type AppContext, getSession } from '../../../lib/index.js'
import { digest, isRight, LONG_TEXT } from './connect-parts.js'
import { deliver, messageTo, note } from './journal.js'
import { type AppSession, type Place, placeOf, sessionOf, sessions } from './place.js'
import { RAW_PREFIX, rawRoutes } from './raw-routes.js'

interface Env {
  Bindings: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse }
}

type Fetch = (request: Request, env: Env['Bindings']) => Response | Promise<Response>

export function create(context: AppContext): { readonly fetch: Fetch } {
  const place = placeOf(context)
  const app = new Hono<Env>()
  app.all(`${RAW_PREFIX}/*`, c => {
    rawRoutes(c.env.incoming, c.env.outgoing)
    return RESPONSE_ALREADY_SENT
  })
  bodies(app)
  answers(app, place)
  logins(app, place)
  streams(app, place)
  errors(app)
  return { fetch: place.bare ? withSession(app.fetch as Fetch, place) : (app.fetch as Fetch) }
}

/** Hono has no sessions of its own that are kept on the server: under bare node express-session takes their place. */
function withSession(fetch: Fetch, place: Place): Fetch {
  const middleware = sessions(place)
  return async (request, env) => {
    const { incoming, outgoing } = env
    if (!incoming.url?.startsWith('/session/')) return fetch(request, env)
    await new Promise<void>(resolve => middleware(incoming, outgoing as never, () => resolve()))
    return fetch(request, env)
  }
}

function bodies(app: Hono<Env>): void {
  app.post('/body/json', async c => c.json({ body: await c.req.json() }))
  app.post('/body/urlencoded', async c => c.json({ body: await c.req.parseBody() }))
  app.post('/body/text', async c => c.json({ body: await c.req.text() }))
  app.post('/body/raw', async c => c.json({ digest: digest(Buffer.from(await c.req.arrayBuffer())) }))
  app.post('/body/limited', bodyLimit({ maxSize: 1024 }), async c => c.json({ body: await c.req.json() }))
  const answer = async (c: Context) => {
    const files: unknown[] = []
    const fields: Record<string, unknown> = {}
    for (const [fieldname, value] of await c.req.raw.formData()) {
      if (typeof value === 'string') fields[fieldname] = value
      else {
        const bytes = Buffer.from(await value.arrayBuffer())
        files.push({ fieldname, originalname: value.name, mimetype: value.type, digest: digest(bytes) })
      }
    }
    return c.json({ fields, files })
  }
  app.post('/upload', answer)
  app.post('/upload/noted', async c => {
    const key = String(c.req.query('key'))
    note(key, 'arrived')
    try {
      return await answer(c)
    } catch (error) {
      note(key, error instanceof Error ? error.name : String(error))
      throw error
    }
  })
}

function answers(app: Hono<Env>, place: Place): void {
  app.get('/compressed', compress(), c => c.text(LONG_TEXT))
  app.get(
    '/static/*',
    serveStatic({ root: place.files, rewriteRequestPath: path => path.slice('/static'.length) }),
  )
  app.get('/etag', etag(), c => c.json({ always: 'the same' }))
  app.get('/helmet', secureHeaders(), c => c.text('with a helmet'))
  app.get('/cookies', async c => {
    setCookie(c, 'plain', 'a b', { maxAge: 60, path: '/cookies' })
    await setSignedCookie(c, 'signed', 'value', 'cookie secret', { httpOnly: true })
    return c.json({ cookies: getCookie(c), signed: await getSignedCookie(c, 'cookie secret') })
  })
  app.get('/csrf', c => c.text('a form'))
  app.post('/csrf', csrf({ origin: 'http://trusted.example' }), c => c.text('accepted'))
  app.get('/view', async c =>
    c.html(await ejs.renderFile(`${place.views}/page.ejs`, { name: c.req.query('name') })),
  )
  app.get('/redirect', c => c.redirect('/etag'))
  app.post('/redirect', c => c.redirect('/etag', 303))
  app.get('/redirect/moved', c => c.redirect('https://example.com/%C3%BC', 301))
  app.get('/facts', c => {
    const { method, path, url } = c.req
    return c.json({ method, path, url, headers: c.req.header() })
  })
}

function logins(app: Hono<Env>, place: Place): void {
  const current = (c: Context<Env>) =>
    (place.bare ? sessionOf(c.env.incoming) : getSession(c.req.raw)) as unknown as AppSession
  app.get('/session/count', c => {
    const session = current(c)
    session.count = (session.count ?? 0) + 1
    return c.json({ count: session.count })
  })
  app.get('/session/me', c => c.json({ user: current(c).user ?? null }))
  app.post('/session/login', async c => {
    const { username, password } = (await c.req.parseBody()) as { username: string; password: string }
    if (!isRight(username, password)) return c.json({ error: 'wrong password' }, 401)
    await new Promise(resolve => current(c).regenerate(resolve))
    current(c).user = username
    return c.redirect('/session/me')
  })
  app.post('/session/logout', async c => {
    await new Promise(resolve => current(c).destroy(resolve))
    return c.body(null, 204)
  })
}

function streams(app: Hono<Env>, { upstream }: Place): void {
  app.get('/events', c =>
    streamSSE(c, async stream => {
      const key = c.req.query('key')
      stream.onAbort(() => {
        if (key !== undefined) note(key, 'the client has left')
      })
      for (let tick = 1; !stream.aborted && (key !== undefined || tick <= 3); tick++) {
        await stream.writeSSE({ id: String(tick), data: JSON.stringify({ tick }) })
        await wait(5)
      }
    }),
  )
  app.get('/poll', async c => c.json({ message: await messageTo(String(c.req.query('key'))) }))
  app.post('/poll', c => c.json({ delivered: deliver(String(c.req.query('key')), 'news') }))
  app.all('/proxy/*', c => {
    const { pathname, search } = new URL(c.req.url)
    return proxy(`${upstream}${pathname.slice('/proxy'.length)}${search}`, c.req)
  })
  app.get('/stream', () => {
    const encoder = new TextEncoder()
    const pieces = new ReadableStream<Uint8Array>({
      async start(controller) {
        controller.enqueue(encoder.encode('one '))
        await wait(1)
        controller.enqueue(encoder.encode('two'))
        controller.close()
      },
    })
    return new Response(pieces, { headers: { 'content-type': 'text/plain' } })
  })
  app.post('/stream/hash', async c => {
    const hash = createHash('sha1')
    let bytes = 0
    for await (const piece of (c.req.raw.body ?? []) as AsyncIterable<Uint8Array>) {
      bytes += piece.length
      hash.update(piece)
    }
    return c.json({ bytes, hash: hash.digest('hex') })
  })
}

function errors(app: Hono<Env>): void {
  app.get('/throw', () => {
    throw new Error('thrown')
  })
  app.get('/reject', async () => {
    await wait(1)
    throw new HTTPException(418, { message: 'no tea' })
  })
  app.get('/handled', () => {
    throw new Error('handled')
  })
  app.onError((error, c) => {
    if (error.message === 'handled') return c.json({ handled: error.message }, 502)
    if (error instanceof HTTPException) return error.getResponse()
    return c.text('Internal Server Error', 500)
  })
}
