/** Chaos for a few rounds, and the report of it. `npm run chaos` goes on for longer, with every kind of fault. */
import t from 'tap'
import { chaos } from './chaos.js'
import { chaosTable, chaosTimeline } from './chaos-report.js'
import { FAULTS } from './faults.js'

/** After these a deployment is whole again soon; the others wait for a restart with a delay. */
const QUICK = [
  'an endless loop in a web server',
  'all web servers are killed',
  'SIGSTOP and SIGCONT of the web host',
  'SIGSTOP, and SIGCONT before that is noticed',
  'packets are late and lost',
  'all web servers are replaced',
  'another number of web servers',
]
const MINUTES = 0.2

t.test(
  'hosts, threads and networks fail as the seed has it: no acknowledged change is lost or undone, no session is mixed up',
  { timeout: 170_000 },
  async t => {
    const seed = Number(process.env.CHAOS_SEED ?? Date.now() % 100_000)
    t.comment(`seed ${seed}: CHAOS_SEED=${seed} repeats the order of faults`)
    const kinds = FAULTS.filter(({ name }) => QUICK.includes(name))
    t.equal(kinds.length, QUICK.length)
    const report = await chaos(t, { seed, minutes: MINUTES, kinds, onRound: line => t.comment(line) })
    t.same(report.violations, [])
    t.ok(report.rounds.length > 0)
    t.ok(report.tally.increments > 0)
    t.ok(chaosTable(report).includes('**Violations: 0.**'))
    const timeline = chaosTimeline(report)
    for (const row of ['web-1', 'a', 'b']) t.match(timeline, `>${row}<`)
    t.equal(timeline.match(/<polyline/g)?.length, 2, 'requests and failures are drawn')
    t.equal(timeline.match(/<title>\d+\. /g)?.length, report.rounds.length, 'so is each fault')
  },
)
