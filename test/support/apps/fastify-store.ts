/** A Fastify app with @fastify/session; the store is Troupe's. */
import cookie from '@fastify/cookie'
import session from '@fastify/session'
import fastify, { type FastifyInstance } from 'fastify'
import { TroupeStore } from '../../../lib/store/index.js'

declare module 'fastify' {
  interface Session {
    count?: number
    user?: string
  }
}

export async function create(): Promise<FastifyInstance> {
  const app = fastify()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  await app.register(cookie)
  await app.register(session, {
    store: new TroupeStore(),
    secret: 'a secret of at least thirty-two characters',
    cookieName: 'app.sid',
    saveUninitialized: false,
    cookie: { secure: false, maxAge: 60_000 },
  })
  app.get('/', async request => {
    request.session.count = (request.session.count ?? 0) + 1
    return String(request.session.count)
  })
  app.get('/id', async request => request.session.sessionId)
  app.post('/login', async (request, reply) => {
    await request.session.regenerate()
    request.session.user = new URLSearchParams(String(request.body)).get('user') ?? ''
    return reply.redirect('/whoami')
  })
  app.get('/whoami', async request => ({ user: request.session.user ?? null }))
  app.post('/logout', async (request, reply) => {
    await request.session.destroy()
    return reply.clearCookie('app.sid').code(204).send()
  })
  return app
}
