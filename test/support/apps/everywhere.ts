/** The counter app, with the sessions of the whole cluster at hand: whose they are, and log out everywhere. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AppContext } from '../../../lib/index.js'
import type { SessionCall } from '../../../lib/transport/session-calls.js'
import { storePlace } from '../../../lib/web-server/sessions/store-place.js'
import { create as createCounter } from './counter.js'

type Handler = (req: IncomingMessage, query: URLSearchParams) => Promise<unknown>

export function create(context: AppContext) {
  const { sessions } = context
  const counter = createCounter(context)
  const handlers: Record<string, Handler> = {
    /** How many sessions this visitor's user has. */
    '/mine': async req => (await sessions.find({ user: req.session.user ?? '' })).length,
    '/everywhere': req => sessions.destroyAll({ user: req.session.user ?? '' }),
    '/find': async (_req, query) => {
      return (await sessions.find(Object.fromEntries(query))).map(({ id }) => id).sort()
    },
    /** Carries out a session call from this web server. */
    '/call': async (_req, query) => {
      return await storePlace()?.calls.call(JSON.parse(query.get('call') ?? '') as SessionCall)
    },
    /** The user logs out, the session stays. */
    '/leave': async req => {
      delete req.session.user
    },
    '/save-user': async (req, query) => {
      req.session.user = query.get('user') ?? ''
      await req.session.save()
      return 'saved'
    },
  }
  return async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const url = new URL(req.url ?? '/', 'http://localhost')
    const handler = handlers[url.pathname]
    if (handler === undefined) {
      await counter(req, res)
      return
    }
    try {
      res.end(JSON.stringify((await handler(req, url.searchParams)) ?? null))
    } catch (error) {
      res.writeHead(500).end(error instanceof Error && 'code' in error ? String(error.code) : String(error))
    }
  }
}
