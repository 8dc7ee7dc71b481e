/** What one schedule is made of: drawn from its seed, so that a seed and a profile say everything. */
import type { Random } from './random.js'

/**
 * `covered`: only faults that the guarantee covers; nothing acknowledged may be lost. `storm`: any faults at any time;
 * what always holds must hold, and everything must settle once they stop.
 */
export type Profile = 'covered' | 'storm'

/** A mistake that is put in on purpose, to prove that the checks would find it. */
export type DeliberateFault =
  | 'ack-before-apply'
  | 'no-epoch-check'
  | 'first-answer-wins'
  | 'no-tombstones'
  | 'evict-unacknowledged'
  | 'no-push-of-cached'
  | 'settled-before-barrier'
  | 'stale-handover'

export interface Parameters {
  readonly seed: number
  readonly profile: Profile
  readonly deliberateFault: DeliberateFault | null
  readonly webServers: number
  readonly sessionServers: number
  readonly copies: number | 'all'
  readonly acks: 'one' | 'all'
  /** How long clients work and faults happen, virtual ms; then everything must settle. */
  readonly durationMs: number
  /** Longest time that a message takes, virtual ms. */
  readonly delayMaxMs: number
  readonly ackTimeoutMs: number
  readonly outboxMaxBytes: number
  /** Lifetime of a session, virtual ms. */
  readonly ttlMs: number
  /** Chance that an idle, acknowledged session is evicted in one tick. */
  readonly eviction: number
  /** Sessions in one cache before warming stops. */
  readonly cacheMaxSessions: number
  readonly clients: number
  /** Time between two operations of one client, at most, virtual ms. */
  readonly pauseMaxMs: number
  /** Time between two faults, at most, virtual ms. */
  readonly calmMaxMs: number
}

export function drawParameters(
  random: Random,
  seed: number,
  profile: Profile,
  deliberateFault: DeliberateFault | null,
): Parameters {
  return {
    seed,
    profile,
    deliberateFault,
    webServers: random.between(1, 4),
    sessionServers: random.between(1, 4),
    copies: random.oneOf<number | 'all'>(1, 2, 2, 2, 3, 'all'),
    acks: random.oneOf('one', 'one', 'all'),
    durationMs: random.between(5_000, 12_000),
    delayMaxMs: random.oneOf(5, 50, 300),
    ackTimeoutMs: random.oneOf(300, 1_000, 2_000),
    outboxMaxBytes: random.oneOf(300, 2_000, 100_000),
    ttlMs: random.oneOf(2_000, 60_000, 60_000, 60_000),
    eviction: random.oneOf(0, 0.1, 0.5),
    cacheMaxSessions: random.oneOf(2, 100),
    clients: random.between(6, 12),
    pauseMaxMs: random.oneOf(200, 600, 1_500),
    calmMaxMs: random.oneOf(600, 1_500, 4_000),
  }
}
