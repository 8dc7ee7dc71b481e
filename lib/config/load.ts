/** Reads a configuration: from a file, or from the defaults and the command line alone. */
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { parseJson } from './json.js'
import { ConfigUnreadableError } from './problems.js'
import type { LoadedConfig } from './resolve.js'
import { type ConfigOverrides, validateConfig } from './validate.js'

export type { LoadedConfig } from './resolve.js'
export type { ConfigOverrides } from './validate.js'

/** What to load. */
export interface LoadOptions {
  /** Path of the configuration file; without it everything has its default. */
  readonly file?: string | undefined
  /** From the command line; `app` may be relative to `cwd`. */
  readonly overrides?: ConfigOverrides
  /** For `${NAME}`; default `process.env`. */
  readonly env?: NodeJS.ProcessEnv
  /** What relative arguments are relative to; default `process.cwd()`. */
  readonly cwd?: string
}

/**
 * Loads and validates a configuration.
 * @throws ConfigUnreadableError | ConfigSyntaxError | ConfigInvalidError
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  const { file, overrides = {}, env = process.env, cwd = process.cwd() } = options
  const app = overrides.app === undefined ? undefined : resolve(cwd, overrides.app)
  if (file === undefined) {
    return validateConfig({}, { source: 'the command line', folder: cwd, env }, { ...overrides, app })
  }
  const path = resolve(cwd, file)
  const raw = parseJson(await readConfigFile(path), path)
  return validateConfig(raw, { source: path, folder: dirname(path), env }, { ...overrides, app })
}

/** @returns the text of a configuration file. @throws ConfigUnreadableError */
export async function readConfigFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (cause) {
    throw new ConfigUnreadableError(`${path} can't be read: ${reason(cause)}. Check --config.`, { cause })
  }
}

function reason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code
  if (code === 'ENOENT') return 'there is no such file'
  if (code === 'EACCES') return 'this user may not read it'
  if (code === 'EISDIR') return 'it is a folder, not a file'
  return String(error)
}
