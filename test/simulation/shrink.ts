/** Makes a schedule that fails a short one that fails: leaves out whatever it fails without. */
import type { PlannedFault, Schedule, Step } from './schedule.js'
import { runSchedule, type ScheduleResult } from './simulation.js'

/** Schedules run for one shrinking: some seconds. */
const RUNS_MAX = 1_500

export interface Shrunk {
  readonly schedule: Schedule
  readonly result: ScheduleResult
  /** Schedules that were run for it. */
  readonly runs: number
}

/** What may be left out of a schedule. */
type Part =
  | { readonly type: 'fault'; readonly fault: PlannedFault }
  | { readonly type: 'step'; readonly client: number; readonly step: Step }

/** @param schedule one that fails @param run how it is run: with the same deliberate fault, if any */
export function shrink(
  schedule: Schedule,
  run: (schedule: Schedule) => ScheduleResult = runSchedule,
): Shrunk {
  let best = { schedule, result: run(schedule) }
  let runs = 1
  const tryOut = (candidate: Schedule): boolean => {
    if (runs >= RUNS_MAX) return false
    runs++
    const result = run(candidate)
    if (result.violation === null) return false
    best = { schedule: candidate, result }
    return true
  }
  tryOut(endingAt(schedule, best.result.endedAt + 1))
  let parts = partsOf(best.schedule)
  for (let size = Math.ceil(parts.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < parts.length; ) {
      const rest = [...parts.slice(0, from), ...parts.slice(from + size)]
      if (tryOut(composed(best.schedule, rest))) parts = rest
      else from += size
    }
  }
  tryOut(endingAt(best.schedule, best.result.endedAt + 1))
  return { ...best, runs }
}

/** Nothing is begun after that, virtual ms. */
function endingAt(schedule: Schedule, at: number): Schedule {
  const durationMs = Math.min(at, schedule.parameters.durationMs)
  const parts = partsOf(schedule).filter(part => {
    const begins = part.type === 'step' ? part.step.at : part.fault.at
    return typeof begins !== 'number' || begins <= durationMs
  })
  return composed({ ...schedule, parameters: { ...schedule.parameters, durationMs } }, parts)
}

function partsOf({ faults, scripts }: Schedule): Part[] {
  return [
    ...scripts.flatMap((script, client) => script.map(step => ({ type: 'step', client, step }) as const)),
    ...faults.map(fault => ({ type: 'fault', fault }) as const),
  ]
}

function composed(schedule: Schedule, parts: readonly Part[]): Schedule {
  const scripts: Step[][] = schedule.scripts.map(() => [])
  const faults: PlannedFault[] = []
  for (const part of parts) {
    if (part.type === 'fault') faults.push(part.fault)
    else scripts[part.client]?.push(part.step)
  }
  return { ...schedule, scripts, faults }
}
