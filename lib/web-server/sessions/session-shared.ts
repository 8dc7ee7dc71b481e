/** What the sessions of all requests of one web server work with. */
import type { SessionConfig } from '../../config/schema.js'
import type { SessionCache } from './session-cache.js'
import type { SessionCommitter, SessionOwner } from './session-commit.js'
import type { SessionEntry } from './session-entry.js'
import type { PartitionUses } from './session-partitions.js'
import type { SetCookies } from './session-set-cookie.js'

/** See above. */
export interface SessionShared {
  readonly config: SessionConfig
  readonly cache: SessionCache
  readonly owner: SessionOwner
  readonly committer: SessionCommitter
  readonly partitions: PartitionUses
  readonly cookies: SetCookies
  readonly now: () => number
  /** Makes a new, empty session. @param isLate it will never be stored: any id will do @throws SessionIdError */
  readonly create: (isLate: boolean) => SessionEntry
  /** An error that no request can be told of any more. */
  readonly report: (error: Error) => void
}
