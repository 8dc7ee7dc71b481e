/** The few answers that a web server gives in the app's place, as raw HTTP/1.1. */
import { STATUS_CODES } from 'node:http'
import type { RequestHead } from '../../transport/exchange-messages.js'

/** An answer in the app's place. */
export interface PlainAnswer {
  readonly status: 500 | 503
  /** One short line for whoever sent the request. */
  readonly text: string
}

/** Session errors that say nothing of the app: the same request may succeed in a moment. */
const PASSING_ERRORS = new Set([
  'OWNERSHIP_LOST',
  'REPLICATION_TIMEOUT',
  'SESSION_CACHE_FULL',
  'SESSION_ID_EXHAUSTED',
  'SESSION_REVERTED',
  'SESSION_UNAVAILABLE',
])

/** @returns what a client is told when the changes of its request could not be committed */
export function answerForSessionError(error: unknown): PlainAnswer {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (PASSING_ERRORS.has(code)) {
    return { status: 503, text: `${code}: the session could not be kept. Please try again.` }
  }
  const text = error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'Internal Server Error'
  return { status: 500, text: code === '' ? text : `${code}: ${text}` }
}

/** @returns the whole response as latin1 text; 503 asks to try again in a second */
export function rawAnswer(answer: PlainAnswer, request: RequestHead): string {
  // Text may name the app's keys in any script; on the wire it is UTF-8, one character a byte here.
  const body = Buffer.from(`${answer.text}\n`).toString('latin1')
  const lines = [
    `HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status]}`,
    'Content-Type: text/plain; charset=utf-8',
    `Content-Length: ${body.length}`,
    `Date: ${new Date().toUTCString()}`,
    `Connection: ${request.keepAlive ? 'keep-alive' : 'close'}`,
  ]
  if (answer.status === 503) lines.splice(1, 0, 'Retry-After: 1')
  return `${lines.join('\r\n')}\r\n\r\n${request.method === 'HEAD' ? '' : body}`
}
