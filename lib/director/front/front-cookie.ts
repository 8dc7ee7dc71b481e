/** Finds the session id in a Cookie header, cheaply: the front's choice is advice, the web server verifies. */
import { rawCookieValue } from '../../transport/cookie-header.js'

const QUOTE = 0x22
const PERCENT = 0x25
const DIGIT_3 = 0x33
const COLON = 0x3a
const LETTER_A = 0x61
const LETTER_S = 0x73
/** Set in a small letter. */
const SMALL = 0x20

/**
 * @param header the Cookie header as received
 * @param name the session cookie's name; its first occurrence counts
 * @returns the id in `s:<id>.<hmac>`, percent-encoded or not, or null when there is no such cookie
 */
export function sessionIdIn(header: string | undefined, name: string): string | null {
  const value = rawCookieValue(header, name)
  if (value === undefined) return null
  const start = idStart(value, isQuoted(value) ? 1 : 0)
  if (start === -1) return null
  const dot = lastDot(value, start)
  return dot > start ? value.slice(start, dot) : null
}

function isQuoted(value: string): boolean {
  return value.charCodeAt(0) === QUOTE && value.charCodeAt(value.length - 1) === QUOTE
}

/** @returns where the id begins: behind `s:`, `s%3A` or `s%3a`; -1 when there is no such prefix */
function idStart(value: string, at: number): number {
  if (value.charCodeAt(at) !== LETTER_S) return -1
  const mark = value.charCodeAt(at + 1)
  if (mark === COLON) return at + 2
  if (mark !== PERCENT || value.charCodeAt(at + 2) !== DIGIT_3) return -1
  return (value.charCodeAt(at + 3) | SMALL) === LETTER_A ? at + 4 : -1
}

/** Nearly always the only one: looking for it from the end is slower. @returns -1 when there is none */
function lastDot(value: string, from: number): number {
  const first = value.indexOf('.', from)
  return first === -1 || value.indexOf('.', first + 1) === -1 ? first : value.lastIndexOf('.')
}
