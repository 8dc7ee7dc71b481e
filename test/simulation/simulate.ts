/**
 * `npm run simulate` runs many schedules, on all cores: `--schedules N` of each profile from `--from N` on, `--nightly`
 * for 12,000 of each; `--profile covered|storm`, `--workers N`. Prints the shrunk story of each that fails, and a summary.
 *
 * `npm run simulate -- --seed N [--profile …]` runs one: `--story` tells it, `--trace` tells every message too.
 * `--fault NAME` puts a deliberate fault in; `--faults` looks for every one, and prints in how many seeds it is found.
 */
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'
import { DELIBERATE_FAULTS, withFault } from './deliberate-faults.js'
import { firstFinding } from './finding.js'
import type { Profile } from './parameters.js'
import { addResult, addTotals, noTotals, shortStoryOf, summaryOf, type Totals } from './report.js'
import { drawSchedule, type Schedule } from './schedule.js'
import { runSchedule, type ScheduleResult, type Trace } from './simulation.js'
import { storyOf } from './story.js'

/** Schedules of each profile in a nightly run: more than 20,000 together. */
const NIGHTLY_SCHEDULES = 12_000
/** Stories of failures that one run prints. */
const STORIES_MAX = 5
/** Seeds within which each deliberate fault is looked for. */
const FAULT_SEEDS_MAX = 150

/** What one thread runs: every `step`th seed of these. */
interface Share {
  readonly from: number
  readonly to: number
  readonly step: number
  readonly profiles: readonly Profile[]
}

/** What a thread tells at its end. */
interface Outcome {
  readonly totals: Totals
  readonly failures: readonly { readonly seed: number; readonly profile: Profile }[]
}

if (isMainThread) await main()
else parentPort?.postMessage(runShare(workerData as Share))

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      profile: { type: 'string' },
      seed: { type: 'string' },
      from: { type: 'string', default: '1' },
      schedules: { type: 'string', default: '1000' },
      nightly: { type: 'boolean', default: false },
      workers: { type: 'string', default: String(availableParallelism()) },
      story: { type: 'boolean', default: false },
      trace: { type: 'boolean', default: false },
      fault: { type: 'string' },
      faults: { type: 'boolean', default: false },
    },
  })
  const profiles = profilesOf(values.profile)
  if (values.faults) findFaults()
  else if (values.seed !== undefined) {
    for (const profile of profiles) runOne(Number(values.seed), profile, values)
  } else {
    const from = Number(values.from)
    const to = from + (values.nightly ? NIGHTLY_SCHEDULES : Number(values.schedules)) - 1
    await runMany({ from, to, profiles }, Number(values.workers))
  }
}

async function runMany({ from, to, profiles }: Omit<Share, 'step'>, workers: number): Promise<void> {
  const begunAt = performance.now()
  const shares = Array.from({ length: workers }, (_, index) => ({
    from: from + index,
    to,
    step: workers,
    profiles,
  }))
  const outcomes = await Promise.all(shares.map(runInThread))
  const totals = noTotals()
  for (const outcome of outcomes) addTotals(totals, outcome.totals)
  const failures = outcomes.flatMap(outcome => outcome.failures).sort((a, b) => a.seed - b.seed)
  for (const { seed, profile } of failures.slice(0, STORIES_MAX)) {
    console.log(`${shortStoryOf(seed, profile)}\n`)
  }
  if (failures.length > 0) process.exitCode = 1
  const seconds = ((performance.now() - begunAt) / 1000).toFixed(0)
  console.log(`${summaryOf(totals)}; ${seconds} s on ${workers} threads`)
  if (failures.length > 0)
    console.log(`failed: ${failures.map(({ seed, profile }) => `${seed} ${profile}`).join(', ')}`)
}

function runInThread(share: Share): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL(import.meta.url), { workerData: share })
    worker.once('message', resolve)
    worker.once('error', reject)
  })
}

function runShare({ from, to, step, profiles }: Share): Outcome {
  const totals = noTotals()
  const failures: { seed: number; profile: Profile }[] = []
  for (let seed = from; seed <= to; seed += step) {
    for (const profile of profiles) {
      const result = runSchedule(drawSchedule(seed, profile))
      addResult(totals, result)
      if (result.violation !== null) failures.push({ seed, profile })
    }
  }
  return { totals, failures }
}

function runOne(
  seed: number,
  profile: Profile,
  { story, trace, fault }: { story: boolean; trace: boolean; fault?: string | undefined },
): void {
  const run = (schedule: Schedule, traced?: Trace): ScheduleResult =>
    fault === undefined
      ? runSchedule(schedule, traced)
      : withFault(fault, () => runSchedule(schedule, traced))
  const schedule = drawSchedule(seed, profile)
  const line = (now: number, who: string, what: string): void => console.log(`${now} ms  ${who} ${what}`)
  const result = run(schedule, trace ? { tell: line, trace: line } : {})
  if (result.violation !== null) process.exitCode = 1
  if (result.violation !== null && !story) console.log(shortStoryOf(seed, profile, run))
  else if (story) console.log(storyOf(schedule, run))
  else console.log(result)
}

function findFaults(): void {
  for (const name of Object.keys(DELIBERATE_FAULTS)) {
    const found = firstFinding(name, FAULT_SEEDS_MAX)
    if (found === null) process.exitCode = 1
    const outcome =
      found === null
        ? `NOT within ${FAULT_SEEDS_MAX} seeds`
        : `seed ${found.seed}, ${found.profile}: ${found.violation}`
    console.log(`${name.padEnd(30)} ${outcome}`)
  }
}

function profilesOf(name: string | undefined): readonly Profile[] {
  if (name === undefined) return ['covered', 'storm']
  if (name === 'covered' || name === 'storm') return [name]
  throw new RangeError(`--profile is ${name}: expected covered or storm`)
}
