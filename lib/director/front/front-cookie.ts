/** Finds the session id in a Cookie header, cheaply: the front's choice is advice, the web server verifies. */
import { rawCookieValues } from '../../transport/cookie-header.js'

/**
 * @param header the Cookie header as received
 * @param name the session cookie's name; its first occurrence counts
 * @returns the id in `s:<id>.<hmac>`, percent-encoded or not, or null when there is no such cookie
 */
export function sessionIdIn(header: string | undefined, name: string): string | null {
  const [first] = rawCookieValues(header, name, 1)
  if (first === undefined) return null
  const value = unquote(first)
  const prefix = prefixLength(value)
  const dot = value.lastIndexOf('.')
  if (prefix === 0 || dot <= prefix) return null
  return value.slice(prefix, dot)
}

function unquote(value: string): string {
  return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

function prefixLength(value: string): number {
  if (value.startsWith('s:')) return 2
  if (value.startsWith('s%3A') || value.startsWith('s%3a')) return 4
  return 0
}
