import t from 'tap'
import { DELIBERATE_FAULTS, withFault } from './deliberate-faults.js'
import { firstFinding } from './finding.js'
import { shortStoryOf } from './report.js'
import type { Schedule } from './schedule.js'
import { drawSchedule } from './schedule.js'
import { shrink } from './shrink.js'
import { runSchedule, type Trace } from './simulation.js'

/** Each mistake must be found within so many seeds of each profile. */
const SEEDS_MAX = 150

t.setTimeout(0)

for (const [name, { sentence }] of Object.entries(DELIBERATE_FAULTS)) {
  t.test(`the checks find ${sentence}`, async t => {
    const found = firstFinding(name, SEEDS_MAX)
    t.ok(found, `found within ${SEEDS_MAX} seeds`)
    t.comment(`seed ${found?.seed}, ${found?.profile}: ${found?.violation}`)
  })
}

t.test('a schedule that fails is shrunk to a short one that fails, and told as a story', async t => {
  const run = (schedule: Schedule, trace?: Trace) =>
    withFault('no-tombstones', () => runSchedule(schedule, trace))
  const found = firstFinding('no-tombstones', SEEDS_MAX)
  if (found === null) throw new Error('there is nothing to shrink')
  const { schedule } = shrink(drawSchedule(found.seed, found.profile), run)
  const operations = schedule.scripts.flat().length
  t.ok(operations <= 20, `${operations} operations are left`)
  t.ok(schedule.faults.length <= 4, `${schedule.faults.length} faults are left`)
  t.equal(runSchedule(schedule).violation, null, 'it fails for the mistake alone')
  const story = shortStoryOf(found.seed, found.profile, run)
  t.match(story, /^ +1\. +\d+ ms {2}\S/m, 'sentences have numbers and times')
  t.match(story, /VIOLATION: /)
  t.comment(story)
})
