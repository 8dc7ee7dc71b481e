/** What the cluster of one schedule is like, and how busy it is. */
import type { Random } from './random.js'

/**
 * `covered`: only faults that the guarantee covers; nothing acknowledged may be lost. `storm`: any faults at any time;
 * what always holds must hold, and everything must settle once they stop.
 */
export type Profile = 'covered' | 'storm'

/** Where a session server is, and what it keeps when it ends. */
export interface SessionServerParameters {
  /** On another host, behind a gateway and a network. */
  readonly isRemote: boolean
  /** Its copies outlive it. */
  readonly hasDisk: boolean
  /** When it starts for the first time, virtual ms: later ones join a cluster that is at work. */
  readonly startsAtMs: number
}

export interface Parameters {
  readonly profile: Profile
  readonly webServers: number
  readonly sessionServers: readonly SessionServerParameters[]
  readonly copies: number | 'all'
  readonly acks: 'none' | 'one' | 'all'
  /** How long clients work and faults happen, virtual ms; then everything must settle. */
  readonly durationMs: number
  /** Longest time that a message takes, virtual ms. */
  readonly delayMaxMs: number
  /** Longest time that a disk takes for a commit, virtual ms. */
  readonly commitMaxMs: number
  /** How long a gateway waits for an answer of its host, virtual ms. */
  readonly gatewayTimeoutMs: number
  readonly ackTimeoutMs: number
  readonly outboxMaxBytes: number
  /** Lifetime of a session, virtual ms. */
  readonly ttlMs: number
  /** Bytes of one session cache. */
  readonly cacheMaxBytes: number
  /** Bytes beyond that for sessions that may not be evicted. */
  readonly heldMaxBytes: number
  readonly clients: number
  /** Time between two operations of one client, at most, virtual ms. */
  readonly pauseMaxMs: number
  /** Time between two faults, at most, virtual ms. */
  readonly calmMaxMs: number
  /** Whether session servers that keep their copies in memory share logs with owners, as in the server. */
  readonly sharesLogs: boolean
}

/** What one simulated session counts in a cache, bytes. */
export const CACHED_SESSION_BYTES = 910

export function drawParameters(random: Random, profile: Profile): Parameters {
  const count = random.between(1, 4)
  const durationMs = random.between(5_000, 12_000)
  const mostlyRemote = random.oneOf(0, 0, 0.4, 1)
  const mostlyDisks = random.oneOf(0, 0.5, 1, 1)
  return {
    profile,
    webServers: random.between(1, 4),
    sessionServers: Array.from({ length: count }, (_, index) => ({
      isRemote: random.chance(mostlyRemote),
      hasDisk: random.chance(mostlyDisks),
      startsAtMs: index > 0 && random.chance(0.2) ? random.between(1, durationMs) : 0,
    })),
    copies: random.oneOf<number | 'all'>(1, 2, 2, 2, 3, 'all'),
    acks: random.oneOf('none', 'one', 'one', 'one', 'one', 'all', 'all'),
    durationMs,
    delayMaxMs: random.oneOf(5, 50, 200),
    commitMaxMs: random.oneOf(2, 20),
    gatewayTimeoutMs: random.oneOf(1_500, 3_000),
    ackTimeoutMs: random.oneOf(300, 1_000, 2_000),
    outboxMaxBytes: random.oneOf(300, 2_000, 100_000),
    ttlMs: random.oneOf(2_000, 60_000, 60_000, 60_000),
    cacheMaxBytes: random.oneOf(1, 3, 8, 100) * CACHED_SESSION_BYTES,
    heldMaxBytes: random.oneOf(6, 40) * CACHED_SESSION_BYTES,
    clients: random.between(6, 12),
    pauseMaxMs: random.oneOf(200, 600, 1_500),
    calmMaxMs: random.oneOf(600, 1_500, 4_000),
    sharesLogs: random.chance(0.5),
  }
}
