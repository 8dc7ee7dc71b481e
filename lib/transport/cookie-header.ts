/** Finds one cookie in a Cookie header without parsing the others: the front and the web server look for the same. */

const SEMICOLON = 0x3b
const SPACE = 0x20
const TAB = 0x09

/**
 * @param header the Cookie header as received
 * @param name the cookie's name
 * @param max how many values to return at most
 * @returns the values as received, without blanks around them, in the order of the header: a browser sends several when
 *   cookies of one name were set for different paths or domains
 */
export function rawCookieValues(header: string | undefined, name: string, max: number): readonly string[] {
  if (header === undefined) return NONE
  const values: string[] = []
  const key = `${name}=`
  let at = header.indexOf(key)
  while (at !== -1 && values.length < max) {
    if (startsCookie(header, at)) {
      const start = at + key.length
      const end = header.indexOf(';', start)
      values.push(header.slice(start, end === -1 ? undefined : end).trim())
    }
    at = header.indexOf(key, at + 1)
  }
  return values
}

const NONE: readonly never[] = []

/** Whether nothing but blanks stands between this place and the beginning or the last semicolon. */
function startsCookie(header: string, at: number): boolean {
  for (let i = at - 1; i >= 0; i--) {
    const code = header.charCodeAt(i)
    if (code === SEMICOLON) return true
    if (code !== SPACE && code !== TAB) return false
  }
  return true
}
