/**
 * What the front wants to know of a request's headers, found in one walk over them. node:http's object of all headers is
 * slower to make the more there are, and knows less: of several headers with one name it keeps the first, or joins them.
 */

/** Of the headers as received. */
export interface HeadFacts {
  /** How many Host headers there are. */
  readonly hosts: number
  /** Transfer-Encoding; several are joined as a list. */
  readonly transferEncoding: string | undefined
  /** Content-Length; node's parser lets no second one through. */
  readonly contentLength: string | undefined
  /** Cookie; several are joined. */
  readonly cookie: string | undefined
}

const HOST = 'host'
const COOKIE = 'cookie'
const CONTENT_LENGTH = 'content-length'
const TRANSFER_ENCODING = 'transfer-encoding'
/** Set in a small letter. */
const SMALL = 0x20

/** @param rawHeaders names and values in turn: `IncomingMessage.rawHeaders` */
export function factsOf(rawHeaders: readonly string[]): HeadFacts {
  let hosts = 0
  let transferEncoding: string | undefined
  let contentLength: string | undefined
  let cookie: string | undefined
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    // The length alone passes over nearly all other headers.
    switch (name.length) {
      case HOST.length:
        if (is(name, HOST)) hosts++
        break
      case COOKIE.length:
        if (is(name, COOKIE)) cookie = joined(cookie, '; ', rawHeaders[at + 1])
        break
      case CONTENT_LENGTH.length:
        if (is(name, CONTENT_LENGTH)) contentLength ??= rawHeaders[at + 1]
        break
      case TRANSFER_ENCODING.length:
        if (is(name, TRANSFER_ENCODING)) transferEncoding = joined(transferEncoding, ', ', rawHeaders[at + 1])
        break
    }
  }
  return { hosts, transferEncoding, contentLength, cookie }
}

/** Whether a body is on its way. */
export function announcesBody({ contentLength, transferEncoding }: HeadFacts): boolean {
  return (contentLength !== undefined && contentLength !== '0') || transferEncoding !== undefined
}

/** @param known in small letters, as long as the name */
function is(name: string, known: string): boolean {
  return (name.charCodeAt(0) | SMALL) === known.charCodeAt(0) && name.toLowerCase() === known
}

function joined(
  before: string | undefined,
  separator: string,
  value: string | undefined,
): string | undefined {
  return before === undefined ? value : `${before}${separator}${value}`
}
