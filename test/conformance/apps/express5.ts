/** Express 5: besides what Express 4 can, promises of handlers may be rejected. */
import express, { type Express } from 'express'
import type { AppContext } from '../../../lib/index.js'
import { expressApp } from './express.js'
import { placeOf } from './place.js'

export function create(context: AppContext): Express {
  const app = expressApp(express, placeOf(context))
  app.get('/reject/promise', async () => {
    throw Object.assign(new Error('rejected'), { status: 409, expose: true })
  })
  return app
}
