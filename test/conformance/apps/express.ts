/** The same app for Express 4 and 5, as a user of either writes it. */
import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import compression from 'compression'
import cookieParser from 'cookie-parser'
import { doubleCsrf } from 'csrf-csrf'
import type express from 'express'
import type { ErrorRequestHandler, Express, RequestHandler } from 'express'
import helmet from 'helmet'
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
import { type Place, sessionOf, sessions } from './place.js'
import { rawRoutes } from './raw-routes.js'

type ExpressModule = typeof express

/** @param makeExpress what `import express from 'express'` gives */
export function expressApp(makeExpress: ExpressModule, place: Place): Express {
  const app = makeExpress()
  app.set('view engine', 'ejs')
  app.set('views', place.views)
  app.use('/raw', rawRoutes)
  bodies(app, makeExpress)
  uploads(app)
  files(app, makeExpress, place)
  answers(app)
  logins(app, makeExpress, place)
  csrf(app, makeExpress)
  streams(app, place)
  errors(app)
  return app
}

function bodies(app: Express, { json, urlencoded, text, raw }: ExpressModule): void {
  const echo: RequestHandler = (req, res) => {
    const body: unknown = req.body
    res.json(Buffer.isBuffer(body) ? { digest: digest(body) } : { body: body ?? null })
  }
  app.post('/body/json', json(), echo)
  app.post('/body/urlencoded', urlencoded({ extended: true }), echo)
  app.post('/body/text', text(), echo)
  app.post('/body/raw', raw({ type: '*/*', limit: '2mb' }), echo)
  app.post('/body/limited', json({ limit: 1024 }), echo)
}

function uploads(app: Express): void {
  const answer: RequestHandler = (req, res) => void res.json(uploaded(req.files, req.body))
  app.post('/upload', upload.any(), answer)
  app.post('/upload/limited', smallUpload.any(), answer)
  app.post(
    '/upload/noted',
    ((req, _res, next) => {
      note(String(req.query.key), 'arrived')
      next()
    }) satisfies RequestHandler,
    upload.any(),
    answer,
    ((error, req, _res, next) => {
      note(String(req.query.key), String(error.message))
      next(error)
    }) satisfies ErrorRequestHandler,
  )
}

function files(app: Express, { static: serveStatic }: ExpressModule, { files: root }: Place): void {
  app.use('/static', serveStatic(root, { maxAge: '1h' }))
  app.get('/file', (_req, res) => res.sendFile('page.html', { root }))
  app.get('/file/none', (_req, res, next) => res.sendFile('none.html', { root }, error => next(error)))
  app.get('/file/download', (_req, res) => res.download('page.html', 'a page.html', { root }))
}

function answers(app: Express): void {
  app.get('/compressed', compression(), (_req, res) => void res.type('text').send(LONG_TEXT))
  app.get('/compressed/parts', compression(), async (req, res) => {
    res.type('text').write('first part\n')
    res.flush()
    await messageTo(String(req.query.key))
    res.end('second part\n')
  })
  app.get('/etag', (_req, res) => void res.json({ always: 'the same' }))
  app.get('/modified', (_req, res) => {
    res.set('Last-Modified', 'Wed, 21 Oct 2015 07:28:00 GMT').send('since 2015')
  })
  app.get('/helmet', helmet(), (_req, res) => void res.send('with a helmet'))
  app.get('/cookies', cookieParser('cookie secret'), (req, res) => {
    res.cookie('plain', 'a b', { maxAge: 60_000, path: '/cookies' })
    res.cookie('signed', 'value', { signed: true, httpOnly: true })
    res.clearCookie('gone')
    res.json({ cookies: req.cookies, signed: req.signedCookies })
  })
  app.get('/view', (req, res) => res.render('page', { name: req.query.name }))
  app.get('/redirect', (_req, res) => res.redirect('/etag'))
  app.post('/redirect', (_req, res) => res.redirect(303, '/etag'))
  app.get('/redirect/moved', (_req, res) => res.redirect(301, 'https://example.com/ü'))
  app.get('/facts', (req, res) => {
    const { ip, ips, protocol, secure, hostname, originalUrl, baseUrl, path, xhr, subdomains } = req
    res.json({ ip, ips, protocol, secure, hostname, originalUrl, baseUrl, path, xhr, subdomains })
  })
  const storage = new AsyncLocalStorage<string>()
  app.use('/context', (req, _res, next) => storage.run(String(req.query.key), next))
  app.get('/context', async (_req, res) => {
    await wait(1)
    res.send(storage.getStore())
  })
}

function logins(app: Express, { urlencoded }: ExpressModule, place: Place): void {
  const withSession = sessions(place) as unknown as RequestHandler
  app.use('/session', withSession, urlencoded({ extended: false }))
  app.get('/session/count', (req, res) => {
    const session = sessionOf(req)
    if (session !== undefined) session.count = (session.count ?? 0) + 1
    res.json({ count: session?.count })
  })
  app.get('/session/me', (req, res) => void res.json({ user: sessionOf(req)?.user ?? null }))
  app.post('/session/login', (req, res, next) => {
    const { username, password } = req.body as { username: string; password: string }
    if (!isRight(username, password)) return void res.status(401).send('wrong password')
    sessionOf(req)?.regenerate(error => {
      if (error) return next(error)
      const session = sessionOf(req)
      if (session !== undefined) session.user = username
      res.redirect('/session/me')
    })
  })
  app.post('/session/logout', (req, res, next) => {
    sessionOf(req)?.destroy(error => (error ? next(error) : res.sendStatus(204)))
  })

  const passport = passportOf()
  app.use(
    '/passport',
    withSession,
    passport.initialize(),
    passport.session(),
    urlencoded({ extended: false }),
  )
  app.get('/passport/me', (req, res) => {
    res.json({ user: (req.user as { id: string } | undefined)?.id ?? null, in: req.isAuthenticated() })
  })
  app.post('/passport/login', passport.authenticate('local', { failWithError: true }), (_req, res) => {
    res.redirect('/passport/me')
  })
  app.post('/passport/logout', (req, res, next) => {
    req.logout(error => (error ? next(error) : res.redirect('/passport/me')))
  })
}

function csrf(app: Express, { json }: ExpressModule): void {
  const { generateCsrfToken, doubleCsrfProtection } = doubleCsrf({
    getSecret: () => 'csrf secret',
    getSessionIdentifier: req => String(req.headers['x-visitor']),
    cookieName: 'csrf',
    cookieOptions: { secure: false },
  })
  app.use('/csrf', cookieParser())
  app.get('/csrf', (req, res) => void res.json({ token: generateCsrfToken(req, res) }))
  app.post('/csrf', doubleCsrfProtection, json(), (_req, res) => void res.json({ accepted: true }))
}

function streams(app: Express, place: Place): void {
  app.get('/events', serverSentEvents)
  app.get('/poll', async (req, res) => {
    res.json({ message: await messageTo(String(req.query.key)) })
  })
  app.post('/poll', (req, res) => void res.json({ delivered: deliver(String(req.query.key), 'news') }))
  const passOn = proxy(place)
  app.use((req, res, next) => (req.url.startsWith('/proxy/') ? passOn(req, res, next) : next()))
}

function errors(app: Express): void {
  app.get('/throw', () => {
    throw new Error('thrown')
  })
  app.get('/reject', async (_req, _res, next) => {
    await wait(1)
    next(Object.assign(new Error('no tea'), { status: 418, expose: true }))
  })
  app.get('/late', (_req, res, next) => {
    res.write('begun')
    setImmediate(() => next(new Error('too late for another answer')))
  })
  app.use('/handled', () => {
    throw new Error('handled')
  })
  app.use('/handled', ((error, _req, res, _next) => {
    res.status(502).json({ handled: error.message })
  }) satisfies ErrorRequestHandler)
}
