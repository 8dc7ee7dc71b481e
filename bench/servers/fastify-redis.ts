/** Fastify with @fastify/session and connect-redis, in node:cluster. */
import cookie from '@fastify/cookie'
import session, { type FastifySessionOptions } from '@fastify/session'
import fastify from 'fastify'
import { addRoutes } from '../apps/fastify-routes.js'
import { serveClustered } from './clustered.js'
import { redisStore } from './redis-store.js'
import { SECRET } from './settings.js'

type SessionStore = NonNullable<FastifySessionOptions['store']>

await serveClustered(async (port, host) => {
  const app = fastify()
  await app.register(cookie)
  // Made for express-session, whose stores fit but for the types of their callbacks.
  const store = (await redisStore('fastify:')) as unknown as SessionStore
  await app.register(session, {
    store,
    secret: SECRET,
    saveUninitialized: false,
    cookie: { secure: false },
  })
  await addRoutes(app).listen({ port, host })
})
