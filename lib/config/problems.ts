/** What can be wrong with a configuration, and the errors that say so. */
import { TroupeError } from '../errors.js'

/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Where, as one would write it in JavaScript: `sessionServers[0].name`; empty for the file as a whole. */
  readonly path: string
  /** What stands there; never a secret. */
  readonly found: string
  /** What should stand there, or what to do. */
  readonly expected: string
}

/** The configuration breaks the rules of docs/configuration.md; all problems at once. */
export class ConfigInvalidError extends TroupeError {
  readonly code = 'CONFIG_INVALID'
  /** In the order of the file's sections, one for each line of the message. */
  readonly problems: readonly ConfigProblem[]

  /** @param source the file's path, or what else the configuration came from. */
  constructor(source: string, problems: readonly ConfigProblem[]) {
    super(
      [`${source} is not a valid configuration:`, ...problems.map(line => `  ${describe(line)}`)].join('\n'),
    )
    this.problems = problems
  }
}

/** The configuration file is not JSON. */
export class ConfigSyntaxError extends TroupeError {
  readonly code = 'CONFIG_SYNTAX'
}

/** The configuration file is missing or can't be read. */
export class ConfigUnreadableError extends TroupeError {
  readonly code = 'CONFIG_UNREADABLE'
}

/** @returns a path as one would write it in JavaScript. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`
    return text === '' ? String(key) : `${text}.${String(key)}`
  }, '')
}

/** @returns a value as an error may show it: short, and without anything secret. */
export function foundText(value: unknown, path: readonly PropertyKey[]): string {
  if (value === undefined) return 'nothing'
  if (value === '') return 'an empty text'
  if (Array.isArray(value)) return `a list of ${value.length}`
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value === 'string' && isSecret(path)) return `a text of ${value.length} characters`
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}...` : text
}

/** The URL of a Redis may have its password in it. */
function isSecret(path: readonly PropertyKey[]): boolean {
  if (path.at(-1) === 'passphrase') return true
  return (
    path.includes('secret') ||
    path.includes('redis') ||
    ['cluster.key', 'admin.token'].includes(pathText(path))
  )
}

function describe({ path, found, expected }: ConfigProblem): string {
  return `${path === '' ? 'the file' : path}: found ${found}, expected ${expected}`
}
