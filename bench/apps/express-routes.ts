/** The app in Express: the same on Troupe and beside it. */
import type { Express, Request } from 'express'
import { countBigVisit, countVisit, readVisits, type Visits } from './visits.js'

/** Adds the routes to an app whose requests have sessions. */
export function addRoutes(app: Express): Express {
  app.disable('x-powered-by')
  app.get('/count', (request, response) => {
    response.type('text').send(countVisit(visitsOf(request)))
  })
  app.get('/big', (request, response) => {
    response.type('text').send(countBigVisit(visitsOf(request)))
  })
  app.get('/read', (request, response) => {
    response.type('text').send(readVisits(visitsOf(request)))
  })
  return app
}

/** Whoever keeps sessions declares them as its own. */
function visitsOf(request: Request): Visits {
  return (request as unknown as { readonly session: Visits }).session
}
