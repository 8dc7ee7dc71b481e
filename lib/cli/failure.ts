/** How a command fails: what it prints and the exit code. */
import { inspect } from 'node:util'
import { TroupeError } from '../errors.js'

/** Something went wrong that the operator did not ask for: a bug, or an app that does not load. */
export const EXIT_FAILED = 1
/** What was asked for can't be done as it stands: the command line, the configuration, a port or a path. */
export const EXIT_REFUSED = 2

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
])

/** Prints the error to standard error and ends the process, with whatever threads it has. */
export function fail(error: unknown): never {
  process.stderr.write(`troupe: ${failureText(error)}\n`)
  process.exit(isRefusal(error) ? EXIT_REFUSED : EXIT_FAILED)
}

function isRefusal(error: unknown): boolean {
  return error instanceof TroupeError && REFUSALS.has(error.code)
}

function failureText(error: unknown): string {
  if (isRefusal(error) && error instanceof Error) return error.message
  if (codeOf(error) !== 'APP_LOAD_FAILED' || !(error instanceof Error)) return inspect(error)
  // The stack that helps is that of the app, not of the server that loaded it.
  return error.cause === undefined ? inspect(error) : `${error.message}\n${inspect(error.cause)}`
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
