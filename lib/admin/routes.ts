/** What programs can ask the admin listener; the dashboard asks the same below its own path. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ObservedCluster } from '../director/observed-cluster.js'
import { TroupeError } from '../errors.js'
import { type Answer, errorAnswer } from './answers.js'
import type { EventStreams } from './event-streams.js'
import type { MetricsPage } from './metrics.js'

const UNKNOWN_ACTOR = 'UNKNOWN_ACTOR'

/** What routes answer from. */
export interface RouteSources {
  readonly cluster: ObservedCluster
  readonly events: EventStreams
  readonly metrics: MetricsPage
}

/** One thing to ask. */
export interface Route {
  /** A route for GET answers HEAD too. */
  readonly method: 'GET' | 'POST'
  /** Whoever can connect may ask. */
  readonly isPublic?: boolean
  /** @returns the answer, or null when it is written already */
  run(
    sources: RouteSources,
    request: IncomingMessage,
    response: ServerResponse,
  ): Answer | null | Promise<Answer | null>
}

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
      const actions = cluster.drain === undefined ? ['kill'] : ['kill', 'drain']
      return { status: 200, body: { ...(await cluster.measures()), actions } }
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
    run: ({ events }, request, response) => {
      events.open(request, response)
      return null
    },
  },
}

/** @returns what is at that path, or null. */
export function findRoute(path: string): Route | null {
  if (Object.hasOwn(ROUTES, path)) return ROUTES[path] ?? null
  const [, actor, action] = /^\/actors\/([a-z][a-z0-9-]*)\/(kill|drain)$/.exec(path) ?? []
  if (actor === undefined) return null
  return {
    method: 'POST',
    run: ({ cluster }) => (action === 'kill' ? kill(cluster, actor) : drain(cluster, actor)),
  }
}

function readiness({ cluster }: RouteSources): Answer {
  return cluster.isReady()
    ? { status: 200, body: { status: 'ready' } }
    : { status: 503, body: { status: 'not ready' } }
}

async function kill(cluster: ObservedCluster, actor: string): Promise<Answer> {
  return await done(cluster.kill(actor), { killed: actor })
}

async function drain(cluster: ObservedCluster, actor: string): Promise<Answer> {
  return await done(cluster.drain(actor), { drained: actor })
}

async function done(action: Promise<unknown>, body: object): Promise<Answer> {
  try {
    await action
  } catch (error) {
    // Refusals, which say what to do; anything else is for the log.
    if (!(error instanceof TroupeError)) throw error
    return errorAnswer(error.code === UNKNOWN_ACTOR ? 404 : 409, error.code, error.message)
  }
  return { status: 202, body }
}
