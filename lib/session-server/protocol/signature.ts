/**
 * How hosts prove to each other who they are: HMAC-SHA256 with a shared key over the head of a request, which claims
 * the digest of its body, and over each block of the answer. The same functions at both ends; docs/protocol.md has the
 * layout with worked examples.
 */
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

/** 128 bits: never drawn twice. */
const NONCE_BYTES = 16
/** Scheme, key id, time, nonce, digest, MAC. Nothing else is looked at, so nothing else can be wrong. */
const AUTHORIZATION = /^Troupe1 ([\w.-]{1,64}) (\d{1,15}) ([\w-]{22}) ([\w-]{43}) ([\w-]{43})$/

/** What the MAC of a request covers. */
export interface RequestHead {
  readonly method: string
  /** Path with query, as in the request line. */
  readonly target: string
  /** When it was made: ms since the Unix epoch, by the sender's clock. */
  readonly time: number
  /** base64url, 22 characters. */
  readonly nonce: string
  /** {@link digestOf} the body. */
  readonly digest: string
}

/** The fields of an `authorization` header. */
export interface Authorization extends Omit<RequestHead, 'method' | 'target'> {
  readonly keyId: string
  readonly mac: string
}

/** What the MAC of one block of an answer covers. */
export interface AnswerBlock {
  /** Of the request that it answers. */
  readonly nonce: string
  /** HTTP status. */
  readonly status: number
  /** Counts the blocks of this answer from 0. */
  readonly index: number
  readonly isLast: boolean
  /** {@link digestOf} the lines of the block, each with its line feed. */
  readonly digest: string
}

/** @returns SHA-256 as base64url, 43 characters */
export function digestOf(body: Uint8Array | string): string {
  return createHash('sha256').update(body).digest('base64url')
}

/** @returns a nonce for one request */
export function newNonce(): string {
  return randomBytes(NONCE_BYTES).toString('base64url')
}

/** @returns the MAC of a request, base64url */
export function requestMac(secret: string, { method, target, time, nonce, digest }: RequestHead): string {
  return mac(secret, `troupe1-request\n${method}\n${target}\n${time}\n${nonce}\n${digest}`)
}

/** @returns the MAC of one block of an answer, base64url */
export function answerMac(secret: string, { nonce, status, index, isLast, digest }: AnswerBlock): string {
  const position = isLast ? 'end' : 'more'
  return mac(secret, `troupe1-answer\n${nonce}\n${status}\n${index}\n${position}\n${digest}`)
}

/** @returns the value of the `authorization` header */
export function authorizationOf(keyId: string, secret: string, head: RequestHead): string {
  return `Troupe1 ${keyId} ${head.time} ${head.nonce} ${head.digest} ${requestMac(secret, head)}`
}

/** @returns null when it has not the form that this protocol gives it */
export function parseAuthorization(header: string): Authorization | null {
  const match = AUTHORIZATION.exec(header)
  if (match === null) return null
  // The expression has five groups, none of them optional.
  const [, keyId = '', time = '', nonce = '', digest = '', mac = ''] = match
  return { keyId, time: Number(time), nonce, digest, mac }
}

/** Compares two MACs or digests in a time that tells nothing of where they differ. */
export function isSame(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)]
  return left.length === right.length && timingSafeEqual(left, right)
}

function mac(secret: string, text: string): string {
  return createHmac('sha256', secret).update(text).digest('base64url')
}
