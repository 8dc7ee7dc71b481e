/** What bounds a service. Each limit is there to keep one misbehaving peer from costing the others anything. */

const MIB = 1024 * 1024

/** Limits of {@link startService}. */
export interface ServiceLimits {
  /** Connections at once; the next are dropped. */
  readonly connections: number
  /** Authenticated requests at once; the next get 503. */
  readonly requests: number
  /** Open message streams; the next get 503. */
  readonly streams: number
  /** Longest body of a request, bytes: must hold the largest session as escaped JSON text. */
  readonly bodyBytes: number
  /** All bodies in memory together, bytes; a request beyond gets 503. */
  readonly bufferedBytes: number
  /** Longest time for a head to arrive, TLS handshake apart, ms. */
  readonly headTimeoutMs: number
  /** Longest time for a body to arrive, or for the other side to take an answer, ms. */
  readonly bodyTimeoutMs: number
  /** How far a request's time may be from this host's clock, both ways, ms. */
  readonly windowMs: number
  /** Nonces remembered for {@link windowMs} and more; a request beyond gets 503. */
  readonly nonces: number
}

/** For a few web hosts with sessions of any permitted size. */
export const DEFAULT_LIMITS: ServiceLimits = {
  connections: 256,
  requests: 128,
  streams: 64,
  bodyBytes: 48 * MIB,
  bufferedBytes: 192 * MIB,
  headTimeoutMs: 5_000,
  bodyTimeoutMs: 10_000,
  windowMs: 60_000,
  nonces: 1_000_000,
}
