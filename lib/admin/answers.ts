/** How the admin listener writes its answers: never cached, never in a frame, nothing loaded from elsewhere. */
import type { ServerResponse } from 'node:http'

/** Status and content of an answer: an object becomes JSON. */
export interface Answer {
  readonly status: number
  readonly body: object | string | Uint8Array
  /** Of a body that is not JSON. */
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** What a page may do: use the scripts and styles of this listener, and talk to it. Nothing inline, nothing from elsewhere. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const SECURITY_HEADERS = {
  'cache-control': 'no-store',
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  // Not no-referrer: then browsers send `Origin: null` with the forms of the login, too.
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** Sets on a response what every one of them has. */
export function secure(response: ServerResponse): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value)
}

/** @returns an error with a code that programs can tell apart */
export function errorAnswer(
  status: number,
  code: string,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { status, body: { error: { code, message } }, headers }
}

/** @returns another address to look at; a POST is followed by a GET */
export function seeOther(location: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status: 303, body: '', type: 'text/plain; charset=utf-8', headers: { location, ...headers } }
}

/** @returns the headers that say when to come again */
export function waitHeaders(ms: number): Readonly<Record<string, string>> {
  return { 'retry-after': String(Math.ceil(ms / 1000)) }
}

/** Writes an answer; node:http leaves the body out where the request was HEAD. */
export function send(response: ServerResponse, { status, body, type, headers }: Answer): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const isContent = typeof body === 'string' || body instanceof Uint8Array
  const content = isContent ? body : `${JSON.stringify(body)}\n`
  response
    .writeHead(status, {
      'content-type': isContent && type !== undefined ? type : 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(content),
      ...headers,
    })
    .end(content)
}
