/** What many schedules were together, and how to see one of them again. */
import type { Profile } from './parameters.js'
import type { ScheduleResult } from './simulation.js'

export class Totals {
  schedules = 0
  violations = 0
  steps = 0
  faults = 0
  operations = 0
  refused = 0

  add(result: ScheduleResult): void {
    this.schedules++
    if (result.violation !== null) this.violations++
    this.steps += result.steps
    this.faults += result.faults
    this.operations += result.operations
    this.refused += result.refused
  }
}

export function summaryOf(totals: Totals): string {
  const { schedules, violations, steps, faults, operations, refused } = totals
  return (
    `${schedules} schedules: ${steps} steps, ${faults} faults, ${operations} operations, ` +
    `${refused} of them refused, ${violations} violations`
  )
}

/** The command that shows one schedule again, step by step. */
export function replayCommand(seed: number, profile: Profile): string {
  return `npm run simulate -- --seed ${seed} --profile ${profile} --trace`
}
