/** Replaces `${NAME}` in the texts of a configuration by the environment's variables. */
import { type ConfigProblem, pathText } from './problems.js'

const PLACEHOLDER = /\$\{([^}]*)\}/g
const NAME = /^[A-Za-z_]\w*$/

/** A configuration after the replacement. */
export interface Substituted {
  readonly value: unknown
  /** One for each variable that is missing or misspelt, by the text that names it. */
  readonly problems: readonly ConfigProblem[]
  /** Paths of the texts that came from the environment alone: there, `"8080"` may stand for the number. */
  readonly fromEnvironment: ReadonlySet<string>
}

/** @param env where variables are looked up, such as `process.env`. */
export function substitute(raw: unknown, env: NodeJS.ProcessEnv): Substituted {
  const problems: ConfigProblem[] = []
  const fromEnvironment = new Set<string>()

  const inText = (text: string, path: string): string => {
    if (/^\$\{[^}]*\}$/.test(text)) fromEnvironment.add(path)
    return text.replaceAll(PLACEHOLDER, (placeholder, name: string) => {
      const value = NAME.test(name) ? env[name] : undefined
      if (value !== undefined) return value
      const expected = NAME.test(name)
        ? `the environment variable ${name} to be set`
        : 'the name of an environment variable between the braces'
      problems.push({ path, found: placeholder, expected })
      return placeholder
    })
  }

  const within = (value: unknown, path: readonly PropertyKey[]): unknown => {
    if (typeof value === 'string') return inText(value, pathText(path))
    if (Array.isArray(value)) return value.map((item, index) => within(item, [...path, index]))
    if (typeof value !== 'object' || value === null) return value
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, within(item, [...path, key])]))
  }

  return { value: within(raw, []), problems, fromEnvironment }
}
