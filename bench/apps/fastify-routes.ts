/** The app in Fastify: the same on Troupe and beside it. */
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { countBigVisit, countVisit, readVisits, type Visits } from './visits.js'

/** Adds the routes to an app whose requests have sessions. */
export function addRoutes(app: FastifyInstance): FastifyInstance {
  app.get('/count', async request => countVisit(visitsOf(request)))
  app.get('/big', async request => countBigVisit(visitsOf(request)))
  app.get('/read', async request => readVisits(visitsOf(request)))
  return app
}

/** Whoever keeps sessions declares them as its own. */
function visitsOf(request: FastifyRequest): Visits {
  return (request as unknown as { readonly session: Visits }).session
}
