/** A case: something asked of a server, and what can be told of its answer. */
import type { Target } from '../client.js'
import type { Feature, Framework } from '../frameworks.js'

export interface Case {
  readonly feature: Feature
  readonly name: string
  /** Asks, and returns all that is compared: plain values. */
  readonly ask: (target: Target) => Promise<unknown>
  /** Found in the bare server's observation as JSON; so a case that only compares two refusals is noticed. */
  readonly shows: RegExp
  /** All that have the feature, unless given. */
  readonly only?: readonly Framework[]
}

/** Cases of one feature by name: each with what it shows and what it asks. */
export function casesOf(
  feature: Feature,
  cases: Readonly<Record<string, readonly [RegExp, Case['ask'], ...Framework[]]>>,
): Case[] {
  return Object.entries(cases).map(([name, [shows, ask, ...only]]) => ({
    feature,
    name,
    ask,
    shows,
    ...(only.length > 0 ? { only } : {}),
  }))
}
