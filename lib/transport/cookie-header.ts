/** Finds one cookie in a Cookie header without parsing the others: the front and the web server look for the same. */

const SEMICOLON = 0x3b
const EQUALS = 0x3d
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
  for (let at = nextValue(header, name, 0); at !== -1 && values.length < max; ) {
    values.push(valueAt(header, at))
    at = nextValue(header, name, at)
  }
  return values
}

/** @returns the first of {@link rawCookieValues}, undefined when there is none */
export function rawCookieValue(header: string | undefined, name: string): string | undefined {
  if (header === undefined) return undefined
  const at = nextValue(header, name, 0)
  return at === -1 ? undefined : valueAt(header, at)
}

const NONE: readonly never[] = []

/** @returns where the next value of this cookie begins, -1 when none follows */
function nextValue(header: string, name: string, from: number): number {
  for (let at = header.indexOf(name, from); at !== -1; at = header.indexOf(name, at + 1)) {
    const end = at + name.length
    if (header.charCodeAt(end) === EQUALS && startsCookie(header, at)) return end + 1
  }
  return -1
}

function valueAt(header: string, start: number): string {
  const end = header.indexOf(';', start)
  return header.slice(start, end === -1 ? undefined : end).trim()
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
