/** Express with express-session and what that keeps sessions in by itself, in one process. */
import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import { addRoutes } from '../apps/express-routes.js'
import { listening, serveClustered } from './clustered.js'
import { SECRET } from './settings.js'

await serveClustered(async () => {
  const app = express()
  app.use(session({ secret: SECRET, resave: false, saveUninitialized: false }))
  await listening(createServer(addRoutes(app)))
})
