/** How a command fails: what it prints and the exit code. */
import { inspect } from 'node:util'
import { TroupeError } from '../errors.js'
import { ClusterAnswerError } from './cluster-errors.js'

/** Something went wrong that the operator did not ask for: a bug, or an app that does not load. */
export const EXIT_FAILED = 1
/** What was asked for can't be done as it stands: the command line, the configuration, a port or a path. */
export const EXIT_REFUSED = 2
/** No cluster answers where one should be. */
export const EXIT_UNREACHABLE = 3
/** Ended by Ctrl-C while something went on: nothing is known of its end. */
export const EXIT_INTERRUPTED = 130
/** Whoever read standard output has left: what a shell says of programs that SIGPIPE has ended. */
export const EXIT_PIPE = 141

/** Errors whose message is all that the operator needs: no stack. */
const REFUSALS: ReadonlySet<string> = new Set([
  'CONFIG_INVALID',
  'CONFIG_SYNTAX',
  'CONFIG_UNREADABLE',
  'APP_UNREADABLE',
  'PORT_UNAVAILABLE',
  'FOLDER_UNWRITABLE',
  'FOLDER_SHARED',
  'SECRET_FILE',
  'HOST_UNKNOWN',
  'CLUSTER_TLS',
  'LISTEN_TLS',
  'SERVICE_KEY_REQUIRED',
  'SERVICE_LISTEN',
  'SERVICE_TLS',
  'IMPORT_REFUSED',
  'ADMIN_UNKNOWN',
  'ADMIN_TOKEN_NEEDED',
  'ADMIN_TOKEN_REQUIRED',
  'ADMIN_REFUSED',
  'ADMIN_BODY_INVALID',
  'ADMIN_BODY_TOO_LARGE',
  'ADMIN_NOT_FOUND',
  'CLUSTER_BUSY',
  'CLUSTER_STOPPING',
  'FILE_EXISTS',
  'LAST_WEB_SERVER',
  'RELOAD_REFUSED',
  'SCALE_RANGE',
  'SESSION_CALL_INVALID',
  'SESSION_INDEX_UNKNOWN',
  'UNKNOWN_ACTOR',
])

/** Nobody is there, or nobody who understands. */
const UNREACHABLE = 'CLUSTER_UNREACHABLE'
const APP_LOAD_FAILED = 'APP_LOAD_FAILED'

/** Prints the error to standard error and ends the process, with whatever threads it has. */
export function fail(error: unknown): never {
  process.stderr.write(`troupe: ${failureText(error)}\n`)
  process.exit(exitCodeOf(error))
}

function exitCodeOf(error: unknown): number {
  if (codeOf(error) === UNREACHABLE) return EXIT_UNREACHABLE
  return isRefusal(error) ? EXIT_REFUSED : EXIT_FAILED
}

function isRefusal(error: unknown): boolean {
  return error instanceof TroupeError && REFUSALS.has(error.code)
}

/** @returns what the operator needs of an error: a line, and the stack where it says more */
export function failureText(error: unknown): string {
  if (error instanceof ClusterAnswerError) {
    return error.detail === null ? error.message : `${error.message}\n${error.detail}`
  }
  if ((isRefusal(error) || codeOf(error) === UNREACHABLE) && error instanceof Error) return error.message
  const thrown = appErrorOf(error)
  if (thrown === undefined || !(error instanceof Error)) return inspect(error)
  // The stack that helps is that of the app, not of the server that loaded it.
  return `${error.message}\n${inspect(thrown)}`
}

/** @returns what an app that could not be loaded threw */
function appErrorOf(error: unknown): unknown {
  if (!(error instanceof Error)) return undefined
  return codeOf(error) === APP_LOAD_FAILED ? error.cause : appErrorOf(error.cause)
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
