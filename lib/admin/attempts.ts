/**
 * How often an address may bring a wrong token: a few times at once, and then one every few seconds. No token can be
 * guessed at any pace, as long as one has to be; this keeps whoever tries out of the log and off the processor.
 */
import { isIPv6 } from 'node:net'
import { LRUCache } from 'lru-cache'

/** Wrong tokens at once: a person who pastes the wrong one does so less often. */
const ATTEMPTS_AT_ONCE = 10
/** Time after which one more may be tried, ms: a program that polls with yesterday's token is slower. */
const ATTEMPT_EVERY_MS = 5_000
/** Addresses that are remembered; one that is forgotten has all its attempts again. */
const ADDRESSES_MAX = 4096

/** Counts the wrong tokens of each address. */
export class Attempts {
  /** When each address will have all its attempts again, ms since the epoch. */
  readonly #allAgainAt = new LRUCache<string, number>({ max: ADDRESSES_MAX })
  readonly #now: () => number

  /** @param now ms since the epoch */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  /** @returns how long that address has to wait before it may try a token, ms; 0 when it may now */
  waitMs(address: string): number {
    const allAgainAt = this.#allAgainAt.get(networkOf(address)) ?? 0
    return Math.max(0, allAgainAt - this.#now() - (ATTEMPTS_AT_ONCE - 1) * ATTEMPT_EVERY_MS)
  }

  /** That address has brought a wrong one. */
  onWrong(address: string): void {
    const network = networkOf(address)
    const from = Math.max(this.#allAgainAt.get(network) ?? 0, this.#now())
    this.#allAgainAt.set(network, from + ATTEMPT_EVERY_MS)
  }
}

/** Whoever has an IPv6 address has all of its /64. */
function networkOf(address: string): string {
  if (!isIPv6(address) || address.includes('.')) return address
  const [head = '', tail] = address.split('%', 1)[0]?.split('::') ?? []
  const before = head.split(':').filter(group => group !== '')
  const after = tail?.split(':').filter(group => group !== '') ?? []
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].slice(0, 4).join(':')
}
