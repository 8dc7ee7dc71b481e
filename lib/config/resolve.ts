/** From a validated file to the configuration that the rest of Troupe sees: paths absolute, "auto" decided. */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { ConfigFile } from './file-format.js'
import { resolveListeners } from './resolve-listen.js'
import type { ClusterConfig, Config, SessionConfig, SessionServerConfig } from './schema.js'

/** A usable configuration. */
export interface LoadedConfig {
  readonly config: Config
  /** What the operator should know; to be logged at the start. */
  readonly warnings: readonly string[]
  /** Absolute path of the file that keeps the session secret in place of a configured one; null when there is none. */
  readonly secretFile: string | null
  /** No secret is configured: that of `config` was drawn for this load, and the next load draws another. */
  readonly hasRandomSecret: boolean
}

/** As long as the output of the HMAC that it keys. */
const RANDOM_SECRET_BYTES = 32

/**
 * @param folder what paths in the file are relative to
 * @param needsSecret whether this host signs cookies
 */
export function resolveConfig(file: ConfigFile, folder: string, needsSecret: boolean): LoadedConfig {
  const { listen, webServers, replication, session } = file
  const config: Config = {
    app: { file: resolve(folder, file.app) },
    listen: {
      ...resolveListeners(listen, folder),
      servedBy: listen.servedBy,
      maxConnections: listen.maxConnections,
      maxInFlight: listen.maxInFlight,
      keepAliveTimeoutMs: listen.keepAliveTimeout,
      headersTimeoutMs: listen.headersTimeout,
      requestTimeoutMs: listen.requestTimeout,
      parkTimeoutMs: listen.parkTimeout,
    },
    hosts: file.hosts ?? {},
    webServers: {
      on: webServers.on ?? null,
      threads: threadsOf(webServers),
      autoscale: webServers.autoscale ?? null,
      heapMb: webServers.heapMb,
      hangTimeoutMs: webServers.hangTimeout,
    },
    sessionServers: file.sessionServers.map(server => resolveSessionServer(server, folder)),
    cluster: resolveCluster(file.cluster, folder),
    replication: {
      copies: replication.copies ?? Math.min(2, file.sessionServers.length),
      acks: replication.acks,
      ackTimeoutMs: replication.ackTimeout,
      outboxMaxBytes: replication.outboxMaxBytes,
    },
    session: resolveSession(session),
    cache: { maxBytes: file.cache.maxBytes },
    admin: file.admin === undefined ? null : { ...file.admin, token: file.admin.token ?? null },
    startTimeoutMs: file.startTimeout,
    drainTimeoutMs: file.drainTimeout,
    log: file.log,
  }
  const secretFile =
    session.secret === undefined && session.secretFile !== undefined
      ? resolve(folder, session.secretFile)
      : null
  const lacksSecret = session.secret === undefined && secretFile === null
  const hasRandomSecret = lacksSecret && needsSecret
  return { config, warnings: warningsOf(config, hasRandomSecret), secretFile, hasRandomSecret }
}

function threadsOf({ threads, autoscale }: ConfigFile['webServers']): number {
  if (threads !== 'auto') return threads
  const { min = 1, max = Number.POSITIVE_INFINITY } = autoscale ?? {}
  return Math.min(max, Math.max(min, 2, availableParallelism() - 1))
}

const NO_SECRET =
  'session.secret is not set: a random one was made, so sessions will not outlive this process (its cookies ' +
  'mean nothing to the next one). Set session.secret to a text of your own.'

function warningsOf({ sessionServers, hosts }: Config, lacksSecret: boolean): string[] {
  const warnings = lacksSecret ? [NO_SECRET] : []
  const addresses = new Set(sessionServers.map(({ on }) => (on === null ? null : hosts[on])))
  const [only] = addresses
  if (sessionServers.length > 1 && addresses.size === 1 && typeof only === 'string') {
    warnings.push(
      `All session servers are at ${only}: with that machine all copies are lost. Use another for some.`,
    )
  }
  return warnings
}

function resolveSessionServer(
  server: ConfigFile['sessionServers'][number],
  folder: string,
): SessionServerConfig {
  const { name, on = null, port = null, store, path, redis, prefix } = server
  const place = { name, on, port }
  switch (store) {
    case 'lmdb':
      return { ...place, store: { kind: store, path: resolve(folder, path ?? '') } }
    case 'redis':
      return { ...place, store: { kind: store, urls: [redis ?? []].flat(), prefix } }
    default:
      return { ...place, store: { kind: store } }
  }
}

/** What a key is called that is given without an id: the same on every host. */
const ONLY_KEY_ID = 'key'

function resolveCluster({ key, tls, timeout }: ConfigFile['cluster'], folder: string): ClusterConfig {
  return {
    keys: key === undefined ? [] : typeof key === 'string' ? [{ id: ONLY_KEY_ID, secret: key }] : key,
    tls: tls
      ? { ca: resolve(folder, tls.ca), cert: resolve(folder, tls.cert), key: resolve(folder, tls.key) }
      : null,
    timeoutMs: timeout,
  }
}

function resolveSession({ secret, cookie, ...session }: ConfigFile['session']): SessionConfig {
  return {
    secrets: secretsOf(secret),
    name: session.name,
    ttlMs: session.ttl,
    maxBytes: session.maxBytes,
    rolling: session.rolling,
    indexes: session.indexes,
    unset: session.unset,
    cookie: {
      path: cookie.path,
      domain: cookie.domain,
      httpOnly: cookie.httpOnly,
      secure: cookie.secure,
      sameSite: cookie.sameSite,
      partitioned: cookie.partitioned,
      maxAgeMs: cookie.maxAge,
    },
  }
}

function secretsOf(secret: string | string[] | undefined): readonly string[] {
  if (secret === undefined) return [randomBytes(RANDOM_SECRET_BYTES).toString('base64url')]
  return typeof secret === 'string' ? [secret] : secret
}
