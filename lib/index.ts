/**
 * The public API of Troupe; beside it there are only 'troupe/store' and 'troupe/test'. Apps import it on every web
 * server's thread, so it loads nothing that is large.
 */

export { ClusterTlsError } from './config/cluster-tls.js'
export { HostUnknownError } from './config/host-part.js'
export { ConfigInvalidError, ConfigSyntaxError, ConfigUnreadableError } from './config/problems.js'
export {
  type Cluster,
  type ClusterStatus,
  type SessionServerStatus,
  UnknownActorError,
  type WebServerStatus,
} from './director/cluster.js'
export * from './director/command-errors.js'
export type { DrainResult, ReloadResult, ScaleResult } from './director/command-results.js'
export type { CommandOptions, CommandProgress } from './director/commands.js'
export type { ClusterEvents } from './director/events.js'
export { ListenTlsError } from './director/front/listeners/certificates.js'
export type {
  Configuration,
  ConfigurationFile,
  LogLevel,
  LogOption,
  StartOptions,
} from './embedding/configuration.js'
export { HostWithoutWebServersError } from './embedding/errors.js'
export { start } from './embedding/start.js'
export { TroupeError } from './errors.js'
export { OwnershipLostError, ReplicationTimeoutError, SessionUnavailableError } from './replication/errors.js'
export { AppUnreadableError, PortUnavailableError } from './setup/preflight.js'
export { SecretFileError } from './setup/secret-file.js'
export { FolderSharedError, FolderUnwritableError } from './setup/store-folders.js'
export type { SessionInfo, SessionQuery, Sessions } from './transport/session-call-register.js'
export type { AppContext } from './web-server/adapters/app-context.js'
export { AppLoadError, UnknownRequestError } from './web-server/adapters/errors.js'
export { getSession } from './web-server/adapters/fetch.js'
export type { Session, SessionCallback } from './web-server/sessions/session.js'
export { Cookie } from './web-server/sessions/session-cookie.js'
// With a star, not by name: only so can an app extend SessionData by `declare module 'troupe'`.
export * from './web-server/sessions/session-data.js'
export * from './web-server/sessions/session-errors.js'
