/** The admin listener that a configuration file describes, for those who talk to it: they need no other secret of the file. */
import { resolve } from 'node:path'
import { substitute } from './environment.js'
import { configFile } from './file-format.js'
import { parseJson } from './json.js'
import { readConfigFile } from './load.js'
import { ConfigInvalidError, foundText, pathText } from './problems.js'

/** Where the admin listener is, as far as the file says. */
export interface AdminPart {
  /** An address of the listener's own machine, such as 0.0.0.0. */
  readonly host: string
  readonly port: number
  readonly token: string | null
  /** How other machines reach the host that it is on; null on one machine. */
  readonly address: string | null
}

/**
 * Reads the part of a configuration file that tells of the admin listener.
 * @returns null when the file has none
 * @throws ConfigUnreadableError | ConfigSyntaxError | ConfigInvalidError
 */
export async function loadAdminPart(file: string, env: NodeJS.ProcessEnv): Promise<AdminPart | null> {
  const path = resolve(file)
  const raw = parseJson(await readConfigFile(path), path)
  const whole = isObject(raw) ? raw : {}
  const { value, problems } = substitute({ admin: whole.admin }, env)
  if (problems.length > 0) throw new ConfigInvalidError(path, problems)
  const admin = configFile.shape.admin.safeParse(isObject(value) ? value.admin : undefined)
  if (!admin.success) {
    const all = admin.error.issues.map(issue => {
      const place = ['admin', ...issue.path]
      const found = foundText(valueAt(value, place), place)
      return { path: pathText(place), found, expected: issue.message }
    })
    throw new ConfigInvalidError(path, all)
  }
  if (admin.data === undefined) return null
  const { host, port, token = null } = admin.data
  const on = valueAt(whole, ['webServers', 'on'])
  const address = typeof on === 'string' ? valueAt(whole, ['hosts', on]) : null
  return { host, port, token, address: typeof address === 'string' ? address : null }
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? value[String(key)] : undefined), input)
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
