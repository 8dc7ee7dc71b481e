import t from 'tap'
import type { Profile } from './parameters.js'
import { replayCommand, summaryOf, Totals } from './report.js'
import { runSchedule } from './simulation.js'

/** Of each profile: together well over what the project promises to run, in about half a minute on one core. */
const SCHEDULES = 1000

const PROMISES: Readonly<Record<Profile, string>> = {
  covered: 'nothing acknowledged is lost by the faults that the guarantee covers',
  storm: 'whatever fails, safety holds, every operation is answered, and everything settles afterwards',
}

for (const profile of ['covered', 'storm'] satisfies Profile[]) {
  t.test(`${profile}: ${PROMISES[profile]}`, async t => {
    const totals = new Totals()
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const result = runSchedule({ seed, profile })
      totals.add(result)
      if (result.violation !== null) t.fail(`${result.violation}\nSee it: ${replayCommand(seed, profile)}`)
    }
    t.comment(summaryOf(totals))
    t.equal(totals.violations, 0)
  })
}

t.test('the same seed gives the same schedule', async t => {
  const traces = [1, 2].map(() => {
    const lines: string[] = []
    runSchedule({ seed: 7, profile: 'storm', trace: line => lines.push(line) })
    return lines
  })
  t.strictSame(traces[0], traces[1])
})
