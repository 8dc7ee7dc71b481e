/** JSON.parse whose errors say the line and column, which those of V8 leave out in many cases. */
import { parse as locate } from '@humanwhocodes/momoa'
import { ConfigSyntaxError } from './problems.js'

/** @param source the file's path, for the message. @throws ConfigSyntaxError */
export function parseJson(text: string, source: string): unknown {
  // Some editors begin a file with a byte order mark.
  const json = text.replace(/^\uFEFF/, '')
  try {
    return JSON.parse(json)
  } catch (cause) {
    throw syntaxError(json, source, cause)
  }
}

function syntaxError(json: string, source: string, cause: unknown): ConfigSyntaxError {
  const message = cause instanceof Error ? cause.message : String(cause)
  const offset = offsetOf(json, message)
  const before = json.slice(0, offset)
  const line = before.split('\n').length
  const column = offset - before.lastIndexOf('\n')
  const what = message
    .replace(/( in JSON)? at position \d+.*$|, ".*$/s, '')
    .replaceAll(/\s/g, space => (space === ' ' ? space : JSON.stringify(space).slice(1, -1)))
  return new ConfigSyntaxError(`${source}:${line}:${column} is not valid JSON: ${what}.`, { cause })
}

/** Where the text stops being JSON. */
function offsetOf(json: string, message: string): number {
  const position = /at position (\d+)/.exec(message)?.[1]
  if (position !== undefined) return Number(position)
  try {
    locate(json, { mode: 'json' })
  } catch (error) {
    if (typeof error === 'object' && error !== null && 'offset' in error) return Number(error.offset)
  }
  return json.length
}
