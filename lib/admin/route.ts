/** What a route of the admin listener is. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ObservedCluster } from '../director/observed-cluster.js'
import type { Answer } from './answers.js'
import type { EventStreams } from './event-streams.js'
import type { MetricsPage } from './metrics.js'

/** What routes answer from. */
export interface RouteSources {
  readonly cluster: ObservedCluster
  readonly events: EventStreams
  readonly metrics: MetricsPage
}

/** What was asked, and where the answer goes that a route writes itself. */
export interface Asking {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The whole body, as text. */
  readonly body: string
  /** Whoever asks has brought the token, or logged in with it. False where nobody is asked for one. */
  readonly isTrusted: boolean
}

/** One thing to ask. */
export interface Route {
  /** A route for GET answers HEAD too. */
  readonly method: 'GET' | 'POST'
  /** Whoever can connect may ask. */
  readonly isPublic?: boolean
  /** @returns the answer, or null when it is written already */
  run(sources: RouteSources, asking: Asking): Answer | null | Promise<Answer | null>
}
