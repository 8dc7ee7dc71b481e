/** Fastify 5 with its own plugins. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { parse } from 'node:querystring'
import { PassThrough } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import compress from '@fastify/compress'
import cookie from '@fastify/cookie'
import multipart from '@fastify/multipart'
import session from '@fastify/session'
import serveStatic from '@fastify/static'
import view from '@fastify/view'
import ejs from 'ejs'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import helmet from 'helmet'
import type { AppContext } from '../../../lib/index.js'
import { digest, isRight, LONG_TEXT, proxy, serverSentEvents } from './connect-parts.js'
import { deliver, messageTo, note } from './journal.js'
import { type AppSession, type Place, placeOf, SECRET, SESSION_COOKIE, sessionOf } from './place.js'
import { RAW_PREFIX, rawRoutes } from './raw-routes.js'

interface WithKey {
  readonly Querystring: { readonly key: string; readonly name: string }
}

export async function create(context: AppContext): Promise<FastifyInstance> {
  const place = placeOf(context)
  const app = fastify()
  await app.register((scope, _options, done) => {
    raw(scope, place)
    done()
  })
  await app.register(cookie, { secret: 'cookie secret' })
  await app.register(multipart, { limits: { fileSize: 8 * 1024 * 1024 } })
  await app.register(compress, { global: false })
  await app.register(serveStatic, { root: place.files, prefix: '/static/', maxAge: '1h' })
  await app.register(view, { engine: { ejs }, root: place.views })
  if (place.bare) {
    await app.register(session, {
      secret: SECRET,
      cookieName: SESSION_COOKIE,
      saveUninitialized: false,
      rolling: false,
      cookie: { secure: false, sameSite: 'lax', httpOnly: true, path: '/' },
    })
  }
  bodies(app)
  uploads(app)
  answers(app)
  logins(app)
  streams(app)
  errors(app)
  return app
}

/** Node's own request and response, the body untouched. */
function raw(app: FastifyInstance, place: Place): void {
  const passOn = proxy(place)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', (_request, _payload, done) => done(null))
  app.all(`${RAW_PREFIX}/*`, (request, reply) => {
    reply.hijack()
    rawRoutes(request.raw, reply.raw)
  })
  app.all('/proxy/*', (request, reply) => {
    reply.hijack()
    void passOn(request.raw, reply.raw)
  })
}

function bodies(app: FastifyInstance): void {
  app.addContentTypeParser(
    'application/x-www-form-urlencoded',
    { parseAs: 'string' },
    (_request, text, done) => done(null, parse(String(text))),
  )
  app.addContentTypeParser('application/octet-stream', { parseAs: 'buffer' }, (_request, bytes, done) =>
    done(null, bytes),
  )
  const echo = async ({ body }: FastifyRequest) =>
    Buffer.isBuffer(body) ? { digest: digest(body) } : { body: body ?? null }
  for (const path of ['/body/json', '/body/urlencoded', '/body/text']) app.post(path, echo)
  app.post('/body/raw', { bodyLimit: 2 * 1024 * 1024 }, echo)
  app.post('/body/limited', { bodyLimit: 1024 }, echo)
}

function uploads(app: FastifyInstance): void {
  const answer = async (request: FastifyRequest, limits = {}) => {
    const files: unknown[] = []
    const fields: Record<string, unknown> = {}
    for await (const part of request.parts({ limits })) {
      if (part.type === 'field') fields[part.fieldname] = part.value
      else {
        const { fieldname, filename: originalname, mimetype } = part
        files.push({ fieldname, originalname, mimetype, digest: digest(await part.toBuffer()) })
      }
    }
    return { fields, files }
  }
  app.post('/upload', request => answer(request))
  app.post('/upload/limited', request => answer(request, { fileSize: 1024 }))
  app.post<WithKey>('/upload/noted', async request => {
    note(request.query.key, 'arrived')
    try {
      return await answer(request)
    } catch (error) {
      note(request.query.key, error instanceof Error ? error.message : String(error))
      throw error
    }
  })
}

function answers(app: FastifyInstance): void {
  app.get('/compressed', { compress: {} }, async (_request, reply) =>
    reply.type('text/plain').send(LONG_TEXT),
  )
  app.get('/file', (_request, reply) => reply.sendFile('page.html'))
  app.get('/file/none', (_request, reply) => reply.sendFile('none.html'))
  app.get('/file/download', (_request, reply) => reply.download('page.html', 'a page.html'))
  app.get('/etag', async (request, reply) => {
    reply.header('etag', '"of-the-same"')
    if (request.headers['if-none-match'] === '"of-the-same"') return reply.code(304).send()
    return { always: 'the same' }
  })
  app.get(
    '/helmet',
    { onRequest: (request, reply, done) => helmet()(request.raw, reply.raw, error => done(error as Error)) },
    async () => 'with a helmet',
  )
  app.get('/cookies', async (request, reply) => {
    reply.setCookie('plain', 'a b', { maxAge: 60, path: '/cookies' })
    reply.setCookie('signed', 'value', { signed: true, httpOnly: true })
    reply.clearCookie('gone')
    return { cookies: request.cookies, signed: request.unsignCookie(request.cookies.signed ?? '') }
  })
  app.get<WithKey>('/view', (request, reply) => reply.view('page.ejs', { name: request.query.name }))
  app.get('/redirect', (_request, reply) => reply.redirect('/etag'))
  app.post('/redirect', (_request, reply) => reply.redirect('/etag', 303))
  app.get('/redirect/moved', (_request, reply) => reply.redirect('https://example.com/ü', 301))
  app.get('/facts', async request => {
    const { ip, ips, protocol, hostname, host, port, url, originalUrl, is404, method } = request
    return { ip, ips, protocol, hostname, host, port, url, originalUrl, is404, method }
  })
  app.get('/trailers', async (_request, reply) => {
    reply.trailer('x-sum', async () => 'of the body')
    return 'a body'
  })
  app.get('/hints', async (_request, reply) => {
    reply.raw.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    return 'hinted'
  })
  const storage = new AsyncLocalStorage<string>()
  app.get<WithKey>('/context', {
    onRequest: (request, _reply, done) => storage.run(request.query.key, done),
    handler: async () => {
      await wait(1)
      return storage.getStore()
    },
  })
}

function logins(app: FastifyInstance): void {
  const current = (request: FastifyRequest) =>
    sessionOf(request) as AppSession & { regenerate(): Promise<void>; destroy(): Promise<void> }
  app.get('/session/count', async request => {
    const session = current(request)
    session.count = (session.count ?? 0) + 1
    return { count: session.count }
  })
  app.get('/session/me', async request => ({ user: current(request).user ?? null }))
  app.post<{ Body: { username: string; password: string } }>('/session/login', async (request, reply) => {
    const { username, password } = request.body
    if (!isRight(username, password)) return reply.code(401).send({ error: 'wrong password' })
    await current(request).regenerate()
    current(request).user = username
    return reply.redirect('/session/me')
  })
  app.post('/session/logout', async (request, reply) => {
    await current(request).destroy()
    return reply.code(204).send()
  })
}

function streams(app: FastifyInstance): void {
  app.get('/events', (request, reply) => {
    reply.hijack()
    serverSentEvents(request.raw, reply.raw)
  })
  app.get<WithKey>('/poll', async request => ({ message: await messageTo(request.query.key) }))
  app.post<WithKey>('/poll', async request => ({ delivered: deliver(request.query.key, 'news') }))
  app.get('/stream', async (_request, reply) => {
    const pieces = new PassThrough()
    setImmediate(() => {
      pieces.write('one ')
      pieces.end('two')
    })
    return reply.type('text/plain').send(pieces)
  })
}

function errors(app: FastifyInstance): void {
  app.get('/throw', () => {
    throw new Error('thrown')
  })
  app.get('/reject', async () => {
    await wait(1)
    throw Object.assign(new Error('no tea'), { statusCode: 418 })
  })
  app.get('/late', (_request, reply) => {
    const pieces = new PassThrough()
    reply.send(pieces)
    pieces.write('begun')
    setTimeout(() => pieces.destroy(new Error('too late for another answer')), 5)
  })
  app.get('/handled', {
    errorHandler: (error, _request, reply) => reply.code(502).send({ handled: (error as Error).message }),
    handler: async () => {
      throw new Error('handled')
    },
  })
}
