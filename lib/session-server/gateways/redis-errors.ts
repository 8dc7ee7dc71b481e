/** What can be wrong with a Redis: each ends its session server, and says what the operator should do. */
import { ErrorReply } from 'redis'
import { TroupeError } from '../../errors.js'

/** Nobody answers at that address, or the connection was lost. */
export class RedisUnreachableError extends TroupeError {
  readonly code = 'REDIS_UNREACHABLE'

  constructor(where: string, reason: string, cause?: unknown) {
    super(
      `The Redis at ${where} can't be reached: ${reason}. It counts as lost until it is back, and is brought up to ` +
        'date then. Check that it runs, its address, and the network between.',
      { cause },
    )
  }
}

/** It is connected and does not answer. */
export class RedisTimeoutError extends TroupeError {
  readonly code = 'REDIS_TIMEOUT'

  constructor(where: string, timeoutMs: number) {
    super(
      `The Redis at ${where} has not answered for ${timeoutMs} ms. It counts as lost until it does. Check its load, ` +
        'slow commands of other clients (SLOWLOG GET) and the network between.',
    )
  }
}

/** Wrong or missing password, or a user that may not run what Troupe needs. */
export class RedisAuthError extends TroupeError {
  readonly code = 'REDIS_AUTH'

  constructor(where: string, reply: Error) {
    super(
      `The Redis at ${where} does not let Troupe in: ${reply.message}. Check user and password in its URL, and that ` +
        'this user may run what docs/configuration.md lists.',
      { cause: reply },
    )
  }
}

/** It has used up its `maxmemory`: a replica that can't take changes is none, even if it could still be read. */
export class RedisOutOfMemoryError extends TroupeError {
  readonly code = 'REDIS_OUT_OF_MEMORY'

  constructor(where: string, reply: Error) {
    super(
      `The Redis at ${where} is out of memory and refuses changes (${reply.message}). It counts as lost until there ` +
        'is room. Raise its maxmemory, or remove what else it holds.',
      { cause: reply },
    )
  }
}

/** It follows another Redis, so it takes no changes; or it has begun to since it was connected. */
export class RedisReadOnlyError extends TroupeError {
  readonly code = 'REDIS_READ_ONLY'

  constructor(where: string, reply: Error) {
    super(
      `The Redis at ${where} takes no changes, since it follows another (${reply.message}). Give the address of the ` +
        'one that it follows, or one that always leads to the one in charge.',
      { cause: reply },
    )
  }
}

/** It can't write to its disk, or has too few followers, and is configured to refuse changes then. */
export class RedisRefusesChangesError extends TroupeError {
  readonly code = 'REDIS_REFUSES_CHANGES'

  constructor(where: string, reply: Error) {
    super(
      `The Redis at ${where} refuses changes: ${reply.message}. Look into its log; most often its disk is full.`,
      { cause: reply },
    )
  }
}

/** It runs, but is not ready: still loading its data, busy with a script, or a cluster without all of its slots. */
export class RedisNotReadyError extends TroupeError {
  readonly code = 'REDIS_NOT_READY'

  constructor(where: string, reply: Error) {
    super(
      `The Redis at ${where} is not ready: ${reply.message}. It is tried again and again; if it stays so, look into ` +
        'its log, and for a cluster at CLUSTER INFO.',
      { cause: reply },
    )
  }
}

/** In a cluster another member took over from one that held sessions; what that had not copied yet may be missing. */
export class RedisFailedOverError extends TroupeError {
  readonly code = 'REDIS_FAILED_OVER'

  constructor(where: string) {
    super(
      `In the Redis Cluster at ${where} another member has taken over. Changes may be missing there, so that all of ` +
        'it is brought up to date again. Nothing needs to be done.',
    )
  }
}

/** It would throw sessions away when it is full: no change would be safe there. */
export class RedisEvictsError extends TroupeError {
  readonly code = 'REDIS_EVICTS'

  constructor(where: string, policy: string) {
    super(
      `The Redis at ${where} would drop sessions when its memory is full: its maxmemory-policy is ${policy}. Set it ` +
        'to noeviction.',
    )
  }
}

/** The server, or what the URLs lead to, is none that can hold sessions. */
export class RedisUnsuitableError extends TroupeError {
  readonly code = 'REDIS_UNSUITABLE'

  constructor(where: string, found: string, remedy: string) {
    super(`The Redis at ${where} can't hold sessions: ${found}. ${remedy}`)
  }
}

/** It refused a command for a reason that Troupe does not know. */
export class RedisRefusedError extends TroupeError {
  readonly code = 'REDIS_REFUSED'

  constructor(where: string, reply: Error) {
    super(
      `The Redis at ${where} refused a command: ${reply.message}. See what that means in the documentation of Redis.`,
      { cause: reply },
    )
  }
}

/** It answered with something else than its documentation says. */
export class RedisUnexpectedReplyError extends TroupeError {
  readonly code = 'REDIS_UNEXPECTED_REPLY'

  constructor(expected: string, found: unknown) {
    super(
      `Redis answered with ${typeof found} where ${expected} was due. Check what stands at its address, and whether ` +
        'other programs write to the keys of Troupe.',
    )
  }
}

/** @param where its address, without password @returns the error that says what is wrong with it */
export function redisErrorOf(where: string, thrown: unknown): TroupeError {
  if (thrown instanceof TroupeError) return thrown
  const error = thrown instanceof Error ? thrown : new Error(String(thrown))
  switch (replyCodeOf(error)) {
    case null:
      return new RedisUnreachableError(where, reasonOf(error), error)
    case 'WRONGPASS':
    case 'NOAUTH':
    case 'NOPERM':
      return new RedisAuthError(where, error)
    case 'OOM':
      return new RedisOutOfMemoryError(where, error)
    case 'READONLY':
      return new RedisReadOnlyError(where, error)
    case 'MISCONF':
    case 'NOREPLICAS':
      return new RedisRefusesChangesError(where, error)
    case 'LOADING':
    case 'MASTERDOWN':
    case 'CLUSTERDOWN':
    case 'TRYAGAIN':
    case 'BUSY':
      return new RedisNotReadyError(where, error)
    default:
      return isAboutPasswords(error) ? new RedisAuthError(where, error) : new RedisRefusedError(where, error)
  }
}

/** @returns the first word of an error that Redis itself answered with, such as OOM; null for any other error */
export function replyCodeOf(error: unknown): string | null {
  if (!(error instanceof ErrorReply)) return null
  return /^[A-Z]+/.exec(error.message)?.[0] ?? 'ERR'
}

/** What a Redis without a password answers to one: an ordinary ERR. */
function isAboutPasswords(error: Error): boolean {
  return error.message.includes('AUTH')
}

/** Several addresses of one name fail with an AggregateError that says nothing. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map(each => (each instanceof Error ? each.message : String(each))).join(', ')
  }
  return error.message
}
