/** Heads and trailers between HTTP/2 and HTTP/1.1 (RFC 9113, 8.2 and 8.3), both ways. */
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http'

/** The head of a request as HTTP/1.1 has it. */
export interface RequestLine {
  readonly method: string
  readonly path: string
  /** Names and values in turn. */
  readonly rawHeaders: string[]
  /** Bytes of the body, as far as the client says. */
  readonly contentLength: number | null
}

/** They speak of one connection, and HTTP/2 has other means for all of them. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
])

/** Methods whose requests have no body unless they say so. */
const BODILESS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'DELETE', 'OPTIONS', 'TRACE'])

/**
 * @param received names and values in turn, pseudo-headers first
 * @param hasBody whether anything follows the head
 * @returns null for what can't be asked in HTTP/1.1: CONNECT, and requests without method or path
 */
export function requestLineOf(received: readonly string[], hasBody: boolean): RequestLine | null {
  let method = ''
  let path = ''
  let host: string | null = null
  let cookies: string | null = null
  let contentLength: number | null = null
  const others: string[] = []
  for (let at = 0; at < received.length; at += 2) {
    const name = received[at] ?? ''
    const value = received[at + 1] ?? ''
    if (name === ':method') method = value
    else if (name === ':path') path = value
    else if (name === ':authority') host = value
    else if (name === 'host') host ??= value
    else if (name === 'cookie') cookies = cookies === null ? value : `${cookies}; ${value}`
    else if (!name.startsWith(':') && !HOP_BY_HOP.has(name)) {
      if (name === 'content-length') contentLength = Number(value)
      others.push(name, value)
    }
  }
  // node:http writes methods in capitals.
  if (method === '' || path === '' || method.toUpperCase() === 'CONNECT') return null
  const rawHeaders = host === null ? [] : ['host', host]
  rawHeaders.push(...others)
  if (cookies !== null) rawHeaders.push('cookie', cookies)
  if (contentLength === null && hasBody) rawHeaders.push('transfer-encoding', 'chunked')
  if (contentLength === null && !hasBody && !BODILESS.has(method)) rawHeaders.push('content-length', '0')
  return { method, path, rawHeaders, contentLength }
}

/** @param status of a response, or of an interim one */
export function responseHeaders(status: number, headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  return { ':status': status, ...withoutHopByHop(headers) }
}

/** Headers or trailers as HTTP/2 may have them. */
export function withoutHopByHop(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const named = new Set((headers.connection ?? '').split(',').map(name => name.trim().toLowerCase()))
  // Says something in heads of requests only, and node:http2 refuses most of it.
  named.add('te')
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.has(name) && !named.has(name)),
  )
}
