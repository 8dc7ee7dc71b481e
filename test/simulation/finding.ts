/** Whether the checks find a deliberate fault, and how soon. */
import { withFault } from './deliberate-faults.js'
import type { Profile } from './parameters.js'
import { drawSchedule } from './schedule.js'
import { runSchedule } from './simulation.js'

const PROFILES: readonly Profile[] = ['covered', 'storm']

/** The first schedule that a fault makes fail. */
export interface Finding {
  readonly seed: number
  readonly profile: Profile
  readonly violation: string
}

/** Looks in one seed after the other, in each profile. @returns null when it is not found within so many seeds */
export function firstFinding(fault: string, seedsMax: number): Finding | null {
  for (let seed = 1; seed <= seedsMax; seed++) {
    for (const profile of PROFILES) {
      const { violation } = withFault(fault, () => runSchedule(drawSchedule(seed, profile)))
      if (violation !== null) return { seed, profile, violation }
    }
  }
  return null
}
