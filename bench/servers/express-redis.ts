/** Express with express-session and connect-redis, in node:cluster. */
import { createServer } from 'node:http'
import express from 'express'
import session from 'express-session'
import { addRoutes } from '../apps/express-routes.js'
import { listening, serveClustered } from './clustered.js'
import { redisStore } from './redis-store.js'
import { SECRET } from './settings.js'

await serveClustered(async () => {
  const app = express()
  const store = await redisStore('express:')
  app.use(session({ store, secret: SECRET, resave: false, saveUninitialized: false }))
  await listening(createServer(addRoutes(app)))
})
