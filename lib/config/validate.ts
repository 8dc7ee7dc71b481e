/** From a configuration as parsed JSON to the typed one, or to everything that is wrong with it. */
import type { z } from 'zod'
import { substitute } from './environment.js'
import { configFile } from './file-format.js'
import { ConfigInvalidError, type ConfigProblem, foundText, pathText } from './problems.js'
import { type LoadedConfig, resolveConfig } from './resolve.js'

/** Where a configuration comes from. */
export interface ConfigOrigin {
  /** For messages: the file's path, or what else it was. */
  readonly source: string
  /** Paths in it are relative to this folder. */
  readonly folder: string
  /** For `${NAME}`. */
  readonly env: NodeJS.ProcessEnv
}

/** Values from the command line, stronger than the file. */
export interface ConfigOverrides {
  /** Absolute path. */
  readonly app?: string | undefined
  readonly port?: number | undefined
  readonly threads?: number | undefined
  /** The host that this is for: one without web servers needs no session secret, so it need not know it. */
  readonly host?: string | undefined
}

/**
 * Validates a parsed configuration file and fills in defaults.
 * @throws ConfigInvalidError with all problems together.
 */
export function validateConfig(
  raw: unknown,
  origin: ConfigOrigin,
  overrides: ConfigOverrides = {},
): LoadedConfig {
  const needsSecret = overrides.host === undefined || overrides.host === valueAt(raw, ['webServers', 'on'])
  const needed = needsSecret ? raw : withoutSecret(raw)
  const { value, problems, fromEnvironment } = substitute(needed, origin.env)
  const input = override(value, overrides)
  const parsed = parse(input, fromEnvironment)
  const named = new Set(problems.map(({ path }) => path))
  const all = [...problems, ...parsed.problems.filter(({ path }) => !named.has(path))]
  if (parsed.file === undefined || all.length > 0) throw new ConfigInvalidError(origin.source, all)
  return resolveConfig(parsed.file, origin.folder, needsSecret)
}

function override(value: unknown, { app, port, threads }: ConfigOverrides): unknown {
  if (!isObject(value) || Array.isArray(value)) return value
  const within = (key: string, part: Record<string, unknown>) => {
    const section = value[key] ?? {}
    return isObject(section) ? { [key]: { ...section, ...part } } : {}
  }
  return {
    ...value,
    ...(app === undefined ? {} : { app }),
    ...(port === undefined ? {} : within('listen', { port })),
    ...(threads === undefined ? {} : within('webServers', { threads })),
  }
}

function withoutSecret(raw: unknown): unknown {
  if (!isObject(raw) || Array.isArray(raw) || !isObject(raw.session)) return raw
  const { secret: _, ...session } = raw.session
  return { ...raw, session }
}

interface Parsed {
  readonly file: z.output<typeof configFile> | undefined
  readonly problems: readonly ConfigProblem[]
}

function parse(input: unknown, fromEnvironment: ReadonlySet<string>): Parsed {
  const first = configFile.safeParse(input)
  if (first.success) return { file: first.data, problems: [] }
  const typed = retyped(input, first.error.issues, fromEnvironment)
  const second = typed === undefined ? first : configFile.safeParse(typed)
  if (second.success) return { file: second.data, problems: [] }
  return { file: undefined, problems: second.error.issues.flatMap(issue => problemsOf(issue, input)) }
}

/** The environment knows only texts: where one came from it and does not fit, it is tried as a number or a boolean. */
function retyped(input: unknown, issues: readonly z.core.$ZodIssue[], fromEnvironment: ReadonlySet<string>) {
  const copy = structuredClone(input)
  let changed = false
  for (const { path } of issues) {
    const key = path.at(-1)
    const holder = valueAt(copy, path.slice(0, -1))
    const text = valueAt(copy, path)
    if (key === undefined || !isObject(holder) || typeof text !== 'string') continue
    if (!fromEnvironment.has(pathText(path)) || !/^(\d+|true|false)$/.test(text)) continue
    holder[String(key)] = JSON.parse(text)
    changed = true
  }
  return changed ? copy : undefined
}

function problemsOf(issue: z.core.$ZodIssue, input: unknown): ConfigProblem[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map(key => ({
      path: pathText([...issue.path, key]),
      found: 'an unknown key',
      expected: issue.message,
    }))
  }
  const found = foundText(valueAt(input, issue.path), issue.path)
  return [{ path: pathText(issue.path), found, expected: issue.message }]
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (isObject(value) ? value[String(key)] : undefined), input)
}

/** Objects and arrays alike: both are looked into by key. */
function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
