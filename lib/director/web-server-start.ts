/** What a web server is started with, of the configuration. */
import { isIPv6 } from 'node:net'
import type { ResourceLimits } from 'node:worker_threads'
import type { Config } from '../config/schema.js'
import type { ListeningAddress, WebServerStart } from '../transport/actor-control.js'

/** Longest time for an app to load, ms: some connect to databases first. */
export const APP_START_MS = 60_000

/**
 * Size of the young generation of a web server with a heap limit, MiB. With V8's default some threads that ran out of
 * heap took the whole process with them (5 of 48 runs on Node 20 and 24); with this none of 48 did.
 */
const YOUNG_GENERATION_MB = 32

/** What is not of the configuration. */
type Given = Pick<WebServerStart, 'name' | 'exchanges' | 'sessionCalls' | 'adminUrl'>

export function webServerStart(
  { app, session, replication, cache, listen }: Config,
  given: Given,
): WebServerStart {
  return {
    ...given,
    app,
    listening: listeningAddressOf(listen),
    appStartMs: APP_START_MS,
    session,
    acks: replication.acks,
    ackTimeoutMs: replication.ackTimeoutMs,
    cacheMaxBytes: cache.maxBytes,
    outboxMaxBytes: replication.outboxMaxBytes,
    servedBy: listen.servedBy,
    trustProxy: listen.trustProxy,
    keepAliveTimeoutMs: listen.keepAliveTimeoutMs,
  }
}

/** @returns the limits of a web server's thread, undefined for Node's own */
export function heapLimits({ heapMb }: Config['webServers']): ResourceLimits | undefined {
  if (heapMb === null) return undefined
  return { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: YOUNG_GENERATION_MB }
}

/** @returns what an app that listens is told: where the first listener is */
function listeningAddressOf({ listeners }: Config['listen']): ListeningAddress {
  const at = listeners[0]?.at
  if (at?.kind !== 'tcp') return at?.path ?? ''
  return { address: at.host, family: isIPv6(at.host) ? 'IPv6' : 'IPv4', port: at.port }
}
