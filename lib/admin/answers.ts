/** How the admin listener writes its answers: JSON, never cached. */
import type { ServerResponse } from 'node:http'

/** Status and body of an answer. */
export interface Answer {
  readonly status: number
  readonly body: object
}

/** Writes an error with a code that programs can tell apart. */
export function sendError(response: ServerResponse, status: number, code: string, message: string): void {
  sendJson(response, status, { error: { code, message } })
}

/** Writes JSON; node:http leaves the body out where the request was HEAD. */
export function sendJson(response: ServerResponse, status: number, body: object): void {
  if (response.headersSent) {
    response.destroy()
    return
  }
  const text = `${JSON.stringify(body)}\n`
  response
    .writeHead(status, {
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(text),
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    })
    .end(text)
}
