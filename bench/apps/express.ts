/** Express on Troupe. */
import express from 'express'
import { addRoutes } from './express-routes.js'
import { reportThread } from './threads.js'

reportThread('app')

export default addRoutes(express())
