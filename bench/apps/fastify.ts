/** Fastify on Troupe. */
import fastify from 'fastify'
import { addRoutes } from './fastify-routes.js'
import { reportThread } from './threads.js'

reportThread('app')

export default addRoutes(fastify())
