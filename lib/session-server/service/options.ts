/** What a service is started with. */
import type { ClusterKey } from '../../transport/actor-control.js'
import type { SessionServer } from '../session-server.js'
import type { ServiceLimits } from './limits.js'

/** Certificates of a service, PEM text. */
export interface ServiceTls {
  /** Who signed the certificates of clients, which are required then; null asks for none. */
  readonly ca: string | null
  readonly cert: string
  readonly key: string
}

/** Where a service tells what an operator should know: a pino logger is one. */
export interface ServiceLog {
  warn(fields: object, message: string): void
}

/** Options of {@link startService}. */
export interface ServiceOptions {
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  /** By name. Looked at for each request, so that one that was started again takes the place of the one before. */
  readonly servers: ReadonlyMap<string, SessionServer>
  /** A request signed with any of them may come in. Without any, everybody on this machine may, and nobody else. */
  readonly keys: readonly ClusterKey[]
  readonly tls: ServiceTls | null
  readonly limits: ServiceLimits
  readonly log?: ServiceLog
}
