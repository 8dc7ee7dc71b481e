/**
 * Who may come in: looks at the head of a request only, cheapest check first, so that a request without a key costs
 * little. Its body is read after that, against the digest that the head claims.
 */
import type { IncomingMessage } from 'node:http'
import type { ClusterKey } from '../../transport/actor-control.js'
import { isSame, parseAuthorization, requestMac } from '../protocol/signature.js'
import type { ServiceLimits } from './limits.js'
import { Nonces } from './nonces.js'
import type { Refusal } from './refusals.js'

/** A request that may come in. */
export interface Admitted {
  readonly method: string
  /** Path with query. */
  readonly target: string
  /** What its answer is sealed with; null on a service without keys. */
  readonly seal: { readonly secret: string; readonly nonce: string } | null
  /** What its body must digest to; null on a service without keys. */
  readonly digest: string | null
}

/** The outcome of {@link Admission.admit}. `busy` comes with what is needed to answer, since the sender has a key. */
export type Verdict =
  | { readonly admitted: Admitted; readonly refused: Refusal | null }
  | { readonly refused: Refusal }

/** The gate of one service. */
export class Admission {
  /** By id; empty when everybody on this machine may come in. */
  readonly #secrets: ReadonlyMap<string, string>
  readonly #windowMs: number
  readonly #nonces: Nonces
  readonly #startedAt: number

  /** @param startedAt ms since the Unix epoch: earlier requests were meant for a service that knew their nonces */
  constructor(keys: readonly ClusterKey[], limits: ServiceLimits, startedAt: number) {
    this.#secrets = new Map(keys.map(({ id, secret }) => [id, secret]))
    this.#windowMs = limits.windowMs
    this.#nonces = new Nonces(limits.windowMs, limits.nonces)
    this.#startedAt = startedAt
  }

  /** @param now ms since the Unix epoch */
  admit({ method = '', url: target = '', headers }: IncomingMessage, now: number): Verdict {
    if (this.#secrets.size === 0) {
      return { admitted: { method, target, seal: null, digest: null }, refused: null }
    }
    if (headers.authorization === undefined) return { refused: 'unsigned' }
    const authorization = parseAuthorization(headers.authorization)
    if (authorization === null) return { refused: 'malformedHead' }
    const { keyId, time, nonce, digest, mac } = authorization
    const secret = this.#secrets.get(keyId)
    if (secret === undefined) return { refused: 'unknownKey' }
    if (time < this.#startedAt || Math.abs(now - time) > this.#windowMs) return { refused: 'stale' }
    if (this.#nonces.has(nonce, time)) return { refused: 'replayed' }
    if (!isSame(mac, requestMac(secret, { method, target, time, nonce, digest }))) {
      return { refused: 'wrongMac' }
    }
    // Only now, so that nobody without a key can fill the memory of nonces.
    const isFull = this.#nonces.add(nonce, time, now) === 'full'
    const admitted = { method, target, seal: { secret, nonce }, digest }
    return { admitted, refused: isFull ? 'busy' : null }
  }
}
