/**
 * Requests that node's parser lets through although RFC 9112 wants them refused: a proxy in front may have read them
 * differently, and that is what request smuggling is made of. No web server ever sees one.
 */
import type { IncomingMessage } from 'node:http'
import type { HeadFacts } from './head-facts.js'

/**
 * Whether a request must not be served:
 * - of a version before 1.0, which nobody has meant to send for decades;
 * - not exactly one Host (3.2), but that HTTP/1.0 may do without;
 * - a transfer coding other than `chunked` (6.1), or any in HTTP/1.0, which knows none.
 */
export function isFaulty(req: IncomingMessage, { hosts, transferEncoding }: HeadFacts): boolean {
  if (req.httpVersionMajor !== 1) return true
  if (transferEncoding !== undefined) {
    if (req.httpVersionMinor === 0 || transferEncoding.toLowerCase() !== 'chunked') return true
  }
  return hosts > 1 || (hosts === 0 && req.httpVersionMinor !== 0)
}
