/** A Fastify app with `request.session`, made by an async `create`. */
import { setTimeout as wait } from 'node:timers/promises'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import type { AppContext, Session } from '../../../lib/index.js'
import type {} from './counter.js'

/** @fastify/session, which other tests load, has declared the member's type as its own: here it is Troupe's. */
const sessionOf = (request: FastifyRequest) => request.session as unknown as Session | undefined

export async function create(_context: AppContext): Promise<FastifyInstance> {
  await wait(10)
  const app = fastify()
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body))
  app.get('/', async request => {
    const session = sessionOf(request)
    if (session === undefined) throw new Error('no session')
    session.count = (session.count ?? 0) + 1
    return String(session.count)
  })
  app.get('/id', async request => sessionOf(request)?.id)
  app.post('/login', async (request, reply) => {
    await sessionOf(request)?.regenerate()
    const session = sessionOf(request)
    if (session !== undefined) session.user = new URLSearchParams(String(request.body)).get('user') ?? ''
    return reply.redirect('/whoami')
  })
  app.get('/whoami', async request => ({ user: sessionOf(request)?.user ?? null }))
  app.post('/logout', async (request, reply) => {
    await sessionOf(request)?.destroy()
    return reply.code(204).send()
  })
  app.get('/fail', async (_request, reply) => reply.code(418).send('for the error handler'))
  return app
}
