/** From a validated file to the configuration that the rest of Troupe sees: paths absolute, "auto" decided. */
import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import type { ConfigFile } from './file-format.js'
import type { Config, SessionConfig } from './schema.js'

/** A usable configuration. */
export interface LoadedConfig {
  readonly config: Config
  /** What the operator should know; to be logged at the start. */
  readonly warnings: readonly string[]
}

/** As long as the output of the HMAC that it keys. */
const RANDOM_SECRET_BYTES = 32

/** @param folder what paths in the file are relative to. */
export function resolveConfig(file: ConfigFile, folder: string): LoadedConfig {
  const { listen, webServers, replication, session } = file
  const config: Config = {
    app: { file: resolve(folder, file.app) },
    listen: {
      host: listen.host,
      port: listen.port,
      servedBy: listen.servedBy,
      maxConnections: listen.maxConnections,
      maxInFlight: listen.maxInFlight,
      keepAliveTimeoutMs: listen.keepAliveTimeout,
      headersTimeoutMs: listen.headersTimeout,
      requestTimeoutMs: listen.requestTimeout,
      parkTimeoutMs: listen.parkTimeout,
    },
    webServers: {
      threads: webServers.threads === 'auto' ? Math.max(2, availableParallelism() - 1) : webServers.threads,
      heapMb: webServers.heapMb,
      hangTimeoutMs: webServers.hangTimeout,
    },
    sessionServers: file.sessionServers,
    replication: {
      copies: replication.copies ?? Math.min(2, file.sessionServers.length),
      acks: replication.acks,
      ackTimeoutMs: replication.ackTimeout,
      outboxMaxBytes: replication.outboxMaxBytes,
    },
    session: resolveSession(session),
    cache: { maxBytes: file.cache.maxBytes },
    admin: file.admin ?? null,
    drainTimeoutMs: file.drainTimeout,
    log: file.log,
  }
  return { config, warnings: session.secret === undefined ? [NO_SECRET] : [] }
}

const NO_SECRET =
  'session.secret is not set: a random one was made, so sessions will not outlive this process (its cookies ' +
  'mean nothing to the next one). Set session.secret to a text of your own.'

function resolveSession({ secret, cookie, ...session }: ConfigFile['session']): SessionConfig {
  return {
    secrets: secretsOf(secret),
    name: session.name,
    ttlMs: session.ttl,
    maxBytes: session.maxBytes,
    rolling: session.rolling,
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
