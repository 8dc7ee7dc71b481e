import t from 'tap'
import type { Profile } from './parameters.js'
import { addResult, noTotals, shortStoryOf, summaryOf } from './report.js'
import { drawSchedule } from './schedule.js'
import { runSchedule } from './simulation.js'

/** Of each profile: together 2,000. */
const SCHEDULES = 1000
/** Stories that are worth the time when many schedules fail. */
const STORIES_MAX = 2

const PROMISES: Readonly<Record<Profile, string>> = {
  covered: 'nothing acknowledged is lost by the faults that the guarantee covers',
  storm: 'whatever fails, safety holds, every operation is answered, and everything settles afterwards',
}

t.setTimeout(0)

for (const profile of ['covered', 'storm'] satisfies Profile[]) {
  t.test(`${profile}: ${PROMISES[profile]}`, async t => {
    const totals = noTotals()
    for (let seed = 1; seed <= SCHEDULES; seed++) {
      const result = runSchedule(drawSchedule(seed, profile))
      addResult(totals, result)
      if (result.violation === null) continue
      t.fail(totals.violations > STORIES_MAX ? `${seed}: ${result.violation}` : shortStoryOf(seed, profile))
    }
    t.comment(summaryOf(totals))
    t.equal(totals.violations, 0)
  })
}

t.test('the same seed gives the same schedule', async t => {
  const traces = [1, 2].map(() => {
    const lines: string[] = []
    const line = (now: number, who: string, what: string) => lines.push(`${now} ${who} ${what}`)
    runSchedule(drawSchedule(7, 'storm'), { tell: line, trace: line })
    return lines
  })
  t.strictSame(traces[0], traces[1])
})

t.test('the schedules are as varied as they are meant to be', async t => {
  const schedules = Array.from({ length: 200 }, (_, seed) => drawSchedule(seed + 1, 'covered'))
  const kinds = new Set(schedules.flatMap(({ faults }) => faults.map(({ kind }) => kind)))
  t.equal(kinds.size, 12, 'kinds of faults')
  t.same([...new Set(schedules.map(({ parameters }) => parameters.acks))].sort(), ['all', 'none', 'one'])
  t.same(new Set(schedules.map(({ parameters }) => parameters.copies)).size, 4, 'numbers of copies')
  const servers = schedules.flatMap(({ parameters }) => parameters.sessionServers)
  for (const [what, count] of [
    ['remote', servers.filter(({ isRemote }) => isRemote).length],
    ['durable', servers.filter(({ hasDisk }) => hasDisk).length],
    ['late', servers.filter(({ startsAtMs }) => startsAtMs > 0).length],
  ] as const) {
    t.ok(count > 0, `session servers that are ${what}`)
  }
})
