/** What programs can ask the admin listener; the dashboard asks the same below its own path. */
import type { Answer } from './answers.js'
import { drainRoute, killRoute, reloadRoute, scaleRoute } from './commands.js'
import type { Route, RouteSources } from './route.js'
import { destroySessionsRoute, findSessionsRoute, listSessionsRoute, showSessionRoute } from './sessions.js'

const ROUTES: Readonly<Record<string, Route>> = {
  '/healthz': { method: 'GET', isPublic: true, run: () => ({ status: 200, body: { status: 'alive' } }) },
  '/readyz': { method: 'GET', isPublic: true, run: readiness },
  '/status': {
    method: 'GET',
    run: async ({ cluster }) => ({ status: 200, body: await cluster.status() }),
  },
  '/measures': {
    method: 'GET',
    run: async ({ cluster }) => {
      return { status: 200, body: { ...(await cluster.measures()), actions: ['kill', 'drain'] } }
    },
  },
  '/partitions': { method: 'GET', run: ({ cluster }) => ({ status: 200, body: cluster.partitionMap() }) },
  '/metrics': {
    method: 'GET',
    run: async ({ cluster, metrics }) => {
      const { type, text } = await metrics.write(await cluster.measures())
      return { status: 200, body: text, type }
    },
  },
  '/events': {
    method: 'GET',
    run: ({ events }, { request, response }) => {
      events.open(request, response)
      return null
    },
  },
  '/reload': reloadRoute,
  '/scale': scaleRoute,
  '/sessions': listSessionsRoute,
  '/sessions/show': showSessionRoute,
  '/sessions/find': findSessionsRoute,
  '/sessions/destroy': destroySessionsRoute,
}

/** @returns what is at that path, or null. */
export function findRoute(path: string): Route | null {
  if (Object.hasOwn(ROUTES, path)) return ROUTES[path] ?? null
  const [, actor, action] = /^\/actors\/([a-z][a-z0-9-]*)\/(kill|drain)$/.exec(path) ?? []
  if (actor === undefined) return null
  return action === 'kill' ? killRoute(actor) : drainRoute(actor)
}

function readiness({ cluster }: RouteSources): Answer {
  return cluster.isReady()
    ? { status: 200, body: { status: 'ready' } }
    : { status: 503, body: { status: 'not ready' } }
}
