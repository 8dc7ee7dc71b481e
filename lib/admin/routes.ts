/** What the admin listener can be asked. */
import type { Cluster } from '../director/cluster.js'
import type { Answer } from './answers.js'

/** One thing to ask. */
export interface Route {
  /** A route for GET answers HEAD too. */
  readonly method: 'GET' | 'POST'
  run(cluster: Cluster): Answer | Promise<Answer>
}

/** @returns what is at that path, or null. */
export function findRoute(path: string): Route | null {
  switch (path) {
    case '/healthz':
      return { method: 'GET', run: () => ({ status: 200, body: { status: 'alive' } }) }
    case '/readyz':
      return { method: 'GET', run: readiness }
    case '/status':
      return { method: 'GET', run: async cluster => ({ status: 200, body: await cluster.status() }) }
  }
  const actor = /^\/actors\/([a-z][a-z0-9-]*)\/kill$/.exec(path)?.[1]
  return actor === undefined ? null : { method: 'POST', run: cluster => kill(cluster, actor) }
}

function readiness(cluster: Cluster): Answer {
  return cluster.isReady()
    ? { status: 200, body: { status: 'ready' } }
    : { status: 503, body: { status: 'not ready' } }
}

async function kill(cluster: Cluster, actor: string): Promise<Answer> {
  try {
    await cluster.kill(actor)
  } catch (error) {
    if (!isUnknownActor(error)) throw error
    return { status: 404, body: { error: { code: error.code, message: error.message } } }
  }
  return { status: 202, body: { killed: actor } }
}

function isUnknownActor(error: unknown): error is Error & { code: 'UNKNOWN_ACTOR' } {
  return error instanceof Error && 'code' in error && error.code === 'UNKNOWN_ACTOR'
}
