/** Reads the body of an admitted request: bounded in size and time, and checked against its digest at its end. */
import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { isSame } from '../protocol/signature.js'
import type { Refusal } from './refusals.js'

/** What {@link readBody} needs. */
export interface BodyRules {
  /** What the body must digest to; null when it was not signed. */
  readonly digest: string | null
  readonly timeoutMs: number
}

/** Its bytes, or why there are none. `aborted` when the sender went away. */
export type Body = { readonly bytes: Buffer } | { readonly refused: Refusal | 'aborted' }

/** @returns the length that the head declares, bytes; null when a body comes without one */
export function declaredLength({ headers }: IncomingMessage): number | null {
  if (headers['transfer-encoding'] !== undefined) return null
  // Node refuses what is no number.
  return Number(headers['content-length'] ?? 0)
}

/** The declared length must have been checked: Node reads no byte beyond it. */
export function readBody(request: IncomingMessage, { digest, timeoutMs }: BodyRules): Promise<Body> {
  return new Promise(resolve => {
    const hash = createHash('sha256')
    const chunks: Buffer[] = []
    const finish = (body: Body): void => {
      clearTimeout(timer)
      resolve(body)
    }
    const timer = setTimeout(() => finish({ refused: 'slow' }), timeoutMs)
    request.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      if (digest !== null) hash.update(chunk)
    })
    request.once('end', () => {
      const isSigned = digest === null || isSame(digest, hash.digest('base64url'))
      finish(isSigned ? { bytes: Buffer.concat(chunks) } : { refused: 'alteredBody' })
    })
    request.once('error', () => finish({ refused: 'aborted' }))
    request.once('close', () => finish({ refused: 'aborted' }))
  })
}
