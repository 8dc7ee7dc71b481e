/** Finds the session id in a Cookie header, cheaply: the front's choice is advice, the web server verifies. */

const SEMICOLON = 0x3b
const SPACE = 0x20
const TAB = 0x09

/**
 * @param header the Cookie header as received
 * @param name the session cookie's name; its first occurrence counts
 * @returns the id in `s:<id>.<hmac>`, percent-encoded or not, or null when there is no such cookie
 */
export function sessionIdIn(header: string | undefined, name: string): string | null {
  if (header === undefined) return null
  const value = cookieValue(header, name)
  if (value === null) return null
  const prefix = prefixLength(value)
  const dot = value.lastIndexOf('.')
  if (prefix === 0 || dot <= prefix) return null
  return value.slice(prefix, dot)
}

function cookieValue(header: string, name: string): string | null {
  const key = `${name}=`
  let at = header.indexOf(key)
  while (at !== -1) {
    if (startsCookie(header, at)) {
      const start = at + key.length
      const end = header.indexOf(';', start)
      return unquote(header.slice(start, end === -1 ? undefined : end).trim())
    }
    at = header.indexOf(key, at + 1)
  }
  return null
}

/** Whether nothing but blanks stands between this place and the beginning or the last semicolon. */
function startsCookie(header: string, at: number): boolean {
  for (let i = at - 1; i >= 0; i--) {
    const code = header.charCodeAt(i)
    if (code === SEMICOLON) return true
    if (code !== SPACE && code !== TAB) return false
  }
  return true
}

function unquote(value: string): string {
  return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value
}

function prefixLength(value: string): number {
  if (value.startsWith('s:')) return 2
  if (value.startsWith('s%3A') || value.startsWith('s%3a')) return 4
  return 0
}
