/** The few answers that a web server gives in the app's place, as raw HTTP/1.1. */
import { STATUS_CODES } from 'node:http'
import type { RequestHead } from '../transport/exchange-messages.js'

/** An answer in the app's place. */
export interface PlainAnswer {
  readonly status: 500 | 503
  /** One short line for whoever sent the request. */
  readonly text: string
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
