/**
 * What apps do with node's own request and response, mounted by every app under `/raw`: so each framework's way of
 * passing them on, and of re-parenting them, is under test with them.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { shapes } from '../../support/http-apps.js'
import { deliver, messageTo, notesOf } from './journal.js'
import { contextRoutes } from './raw-context.js'
import { eventRoutes } from './raw-events.js'
import { factRoutes } from './raw-facts.js'
import { headRoutes } from './raw-heads.js'
import { streamRoutes } from './raw-streams.js'

export const RAW_PREFIX = '/raw'

/** Answers one request with node's own means. `key` is the query's. */
export type RawRoute = (req: IncomingMessage, res: ServerResponse, key: string) => unknown

const routes: Readonly<Record<string, RawRoute>> = {
  ...headRoutes,
  ...factRoutes,
  ...eventRoutes,
  ...streamRoutes,
  ...contextRoutes,
  '/journal': (_req, res, key) => res.end(JSON.stringify(notesOf(key))),
  '/deliver': (_req, res, key) => res.end(String(deliver(key, 'delivered'))),
  '/poll': async (_req, res, key) => {
    const message = await messageTo(key)
    res.end(message)
  },
}

/** Serves `/raw/...`, or what is left of it when the framework has taken off the prefix. */
export function rawRoutes(req: IncomingMessage, res: ServerResponse): void {
  const url = req.url ?? ''
  if (url.startsWith(RAW_PREFIX)) req.url = url.slice(RAW_PREFIX.length)
  const [path = '', query] = (req.url ?? '').split('?')
  const route = routes[path]
  if (route === undefined) shapes(req, res)
  else route(req, res, new URLSearchParams(query).get('key') ?? '')
}
