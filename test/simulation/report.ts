/** What many schedules were together, and how to see one of them again. */
import type { Profile } from './parameters.js'
import { drawSchedule, type Schedule } from './schedule.js'
import { shrink } from './shrink.js'
import { runSchedule, type ScheduleResult, type Trace } from './simulation.js'
import { storyOf } from './story.js'

/** What was counted over many schedules. */
export interface Totals {
  schedules: number
  violations: number
  steps: number
  faults: number
  operations: number
  /** Operations answered by an error. */
  refused: number
}

export function noTotals(): Totals {
  return { schedules: 0, violations: 0, steps: 0, faults: 0, operations: 0, refused: 0 }
}

export function addResult(totals: Totals, result: ScheduleResult): void {
  const violations = result.violation === null ? 0 : 1
  const { steps, faults, operations, refused } = result
  addTotals(totals, { schedules: 1, violations, steps, faults, operations, refused })
}

export function addTotals(totals: Totals, others: Totals): void {
  totals.schedules += others.schedules
  totals.violations += others.violations
  totals.steps += others.steps
  totals.faults += others.faults
  totals.operations += others.operations
  totals.refused += others.refused
}

export function summaryOf(totals: Totals): string {
  const { schedules, violations, steps, faults, operations, refused } = totals
  return (
    `${schedules} schedules: ${steps} steps, ${faults} faults, ${operations} operations, ` +
    `${refused} of them refused, ${violations} violations`
  )
}

/** The command that tells one schedule again. */
export function replayCommand(seed: number, profile: Profile): string {
  return `npm run simulate -- --seed ${seed} --profile ${profile} --story`
}

/** A failing seed as the shortest story that still fails. @param run with the same deliberate fault, if any */
export function shortStoryOf(
  seed: number,
  profile: Profile,
  run: (schedule: Schedule, trace?: Trace) => ScheduleResult = runSchedule,
): string {
  const { schedule, runs } = shrink(drawSchedule(seed, profile), run)
  const steps = schedule.scripts.reduce((sum, script) => sum + script.length, 0)
  return (
    `${storyOf(schedule, run)}\n` +
    `Shrunk in ${runs} runs to ${steps} operations and ${schedule.faults.length} faults. ` +
    `All of it: ${replayCommand(seed, profile)}`
  )
}
