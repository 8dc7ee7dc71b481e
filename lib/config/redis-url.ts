/** URLs of Redis servers: which can be used, and which lead to the same data. */

const DEFAULT_PORT = '6379'

/** Whether the client can take it apart; the text is known to begin like one. */
export function isRedisUrl(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { hostname, username, password, pathname } = new URL(text)
  return hostname !== '' && isEncoded(username) && isEncoded(password) && /^(\/\d*)?$/.test(pathname)
}

/** @returns a text that is the same for every URL of one database of one Redis, whatever else it says */
export function redisDatabaseOf(url: string): string {
  const { hostname, port, pathname } = new URL(url)
  const host = hostname.toLowerCase()
  const address = host === 'localhost' || host === '[::1]' ? '127.0.0.1' : host
  return `${address}:${port || DEFAULT_PORT}/${Number(pathname.slice(1))}`
}

/** Whether its %-escapes are complete. */
function isEncoded(part: string): boolean {
  try {
    decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}
