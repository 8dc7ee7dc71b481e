/** Adds headers to a response whatever way the app gives its own: by setHeader, as an object, or as a raw array. */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http'

/** The headers argument of `writeHead`: names and values in turn, pairs, an object, or none. */
export type HeadersArgument = OutgoingHttpHeaders | unknown[] | undefined

/**
 * Adds one cookie to those that the app sets.
 * @returns the headers argument to go on with
 */
export function withCookie(res: ServerResponse, headers: HeadersArgument, cookie: string): HeadersArgument {
  if (headers === undefined || (hasSetHeaders(res) && !names(headers, 'set-cookie'))) {
    res.appendHeader('Set-Cookie', cookie)
    return headers
  }
  if (!Array.isArray(headers)) return objectWithCookie(headers, cookie)
  if (Array.isArray(headers[0])) return [...headers, ['Set-Cookie', cookie]]
  return flatWithCookie(headers, cookie)
}

/** Takes a cookie back that {@link withCookie} had added. */
export function withoutCookie(res: ServerResponse, cookie: string): void {
  const others = list(res.getHeader('Set-Cookie')).filter(other => other !== cookie)
  if (others.length > 0) res.setHeader('Set-Cookie', others)
  else res.removeHeader('Set-Cookie')
}

/** Adds a header unless the app gives it itself. @returns the headers argument to go on with */
export function withDefault(
  res: ServerResponse,
  headers: HeadersArgument,
  name: string,
  value: string,
): HeadersArgument {
  if (res.hasHeader(name) || names(headers, name)) return headers
  if (headers === undefined || hasSetHeaders(res)) {
    res.setHeader(name, value)
    return headers
  }
  if (!Array.isArray(headers)) return { ...headers, [name]: value }
  if (Array.isArray(headers[0])) return [...headers, [name, value]]
  return [...headers, name, value]
}

function hasSetHeaders(res: ServerResponse): boolean {
  return res.getHeaderNames().length > 0
}

function names(headers: HeadersArgument, name: string): boolean {
  if (headers === undefined) return false
  if (!Array.isArray(headers)) return Object.keys(headers).some(key => key.toLowerCase() === name)
  if (Array.isArray(headers[0])) return headers.some(pair => Array.isArray(pair) && isName(pair[0], name))
  return headers.some((entry, at) => at % 2 === 0 && isName(entry, name))
}

function isName(value: unknown, name: string): boolean {
  return String(value).toLowerCase() === name
}

function objectWithCookie(headers: OutgoingHttpHeaders, cookie: string): OutgoingHttpHeaders {
  const key = Object.keys(headers).find(name => name.toLowerCase() === 'set-cookie') ?? 'Set-Cookie'
  return { ...headers, [key]: [...list(headers[key]), cookie] }
}

/** All cookies become one entry: Node 20 keeps only the last of several when headers were set before as well. */
function flatWithCookie(headers: unknown[], cookie: string): unknown[] {
  const others: unknown[] = []
  const cookies: string[] = []
  for (let at = 0; at < headers.length; at += 2) {
    if (isName(headers[at], 'set-cookie')) cookies.push(...list(headers[at + 1]))
    else others.push(headers[at], headers[at + 1])
  }
  return [...others, 'Set-Cookie', [...cookies, cookie]]
}

function list(value: unknown): string[] {
  if (value === undefined) return []
  return Array.isArray(value) ? value.map(String) : [String(value)]
}
