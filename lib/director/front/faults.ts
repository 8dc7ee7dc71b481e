/**
 * Requests that node's parser lets through although RFC 9112 wants them refused: a proxy in front may have read them
 * differently, and that is what request smuggling is made of. No web server ever sees one.
 */
import type { IncomingMessage } from 'node:http'

/** Letters of "host", so that one comparison of numbers passes over nearly all other headers. */
const HOST_LENGTH = 4

/**
 * Whether a request must not be served:
 * - of a version before 1.0, which nobody has meant to send for decades;
 * - not exactly one Host (3.2), but that HTTP/1.0 may do without;
 * - a transfer coding other than `chunked` (6.1), or any in HTTP/1.0, which knows none.
 */
export function isFaulty(req: IncomingMessage): boolean {
  if (req.httpVersionMajor !== 1) return true
  const coding = req.headers['transfer-encoding']
  if (coding !== undefined && (req.httpVersionMinor === 0 || coding.toLowerCase() !== 'chunked')) return true
  const hosts = hostsOf(req.rawHeaders)
  return hosts > 1 || (hosts === 0 && req.httpVersionMinor !== 0)
}

function hostsOf(rawHeaders: readonly string[]): number {
  let hosts = 0
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]
    if (name?.length === HOST_LENGTH && name.toLowerCase() === 'host') hosts++
  }
  return hosts
}
