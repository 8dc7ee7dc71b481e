/** What Troupe is meant to reach beside others, and whether it does in this run. */
import type { LoadName } from './loads.js'
import type { PeerName } from './peers/peers.js'
import { type BlockName, TARGET_RATE_PART } from './plan.js'
import type { Sample } from './run.js'
import { latencyOf, ratioOf } from './summary.js'
import type { Spread } from './support/spread.js'

/** One line of the target table. */
export interface Target {
  readonly what: string
  readonly against: string
  readonly bound: { readonly atLeast: number } | { readonly atMost: number }
}

/** A target and what was reached; null when it was not measured. */
export interface Reached extends Target {
  readonly reached: Spread | null
  readonly passed: boolean | null
}

interface Measurable extends Target {
  readonly of: PeerName
  readonly to: PeerName
  readonly block: BlockName
  readonly ofFigure: (sample: Sample) => number
  readonly toFigure: (sample: Sample) => number
}

const throughput = (sample: Sample) => sample.requestsPerSecond
const p99 = (sample: Sample) => latencyOf(sample).p99

function throughputTarget(
  what: string,
  against: string,
  [of, to]: readonly [PeerName, PeerName],
  block: LoadName,
  atLeast: number,
): Measurable {
  return { what, against, of, to, block, bound: { atLeast }, ofFigure: throughput, toFigure: throughput }
}

const BARE = 'bare node:http in node:cluster'

const TARGETS: readonly Measurable[] = [
  throughputTarget('sticky, change each request', BARE, ['troupe', 'bare'], 'sticky', 0.8),
  throughputTarget('pooled, change each request', BARE, ['troupe', 'bare'], 'pooled', 0.8),
  throughputTarget('read', BARE, ['troupe', 'bare'], 'read', 0.85),
  throughputTarget(
    'sticky',
    'Fastify + @fastify/session + Redis',
    ['troupe', 'fastify-redis'],
    'sticky',
    2.5,
  ),
  throughputTarget(
    'Express on Troupe, sticky',
    'Express + express-session + connect-redis',
    ['troupe-express', 'express-redis'],
    'sticky',
    2,
  ),
  throughputTarget(
    'lmdb copies instead of memory',
    'Troupe with memory',
    ['troupe-lmdb', 'troupe'],
    'sticky',
    0.85,
  ),
  {
    what: "director's CPU per request",
    against: "bare node:http's CPU per request",
    ...{ of: 'troupe', to: 'bare', block: 'sticky', bound: { atMost: 1.1 } },
    ofFigure: sample => sample.cpuUs.director,
    toFigure: sample => sample.cpuUs['web servers'],
  },
  {
    what: `p99 at ${TARGET_RATE_PART * 100} % of bare's peak load`,
    against: "bare's p99",
    ...{ of: 'troupe', to: 'bare', block: 'rate', bound: { atMost: 2 } },
    ...{ ofFigure: p99, toFigure: p99 },
  },
]

/** @returns every target with what was reached: the median of the rounds' ratios */
export function targetsReached(samples: readonly Sample[]): Reached[] {
  return TARGETS.map(({ what, against, bound, of, to, block, ofFigure, toFigure }) => {
    const cellOf = (wanted: PeerName) =>
      samples.filter(
        ({ peer, block: measured, ratePart }) =>
          peer === wanted &&
          measured === block &&
          (ratePart === null || Math.abs(ratePart - TARGET_RATE_PART) < 1e-9),
      )
    const reached = ratioOf(cellOf(of), cellOf(to), ofFigure, toFigure)
    return {
      what,
      against,
      bound,
      reached,
      passed: reached === null ? null : isWithin(bound, reached.median),
    }
  })
}

function isWithin(bound: Target['bound'], value: number): boolean {
  return 'atLeast' in bound ? value >= bound.atLeast : value <= bound.atMost
}
