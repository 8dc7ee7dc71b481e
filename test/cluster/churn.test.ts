/** The most important test: nothing acknowledged is lost, whatever dies. `npm run churn` runs the same for longer. */
import t from 'tap'
import { churn, describeChurn } from './churn.js'

const FAULTS = 14

t.test(
  'no acknowledged change is lost, and only requests that may fail do, while one actor after the other dies',
  { timeout: 170_000 },
  async t => {
    const seed = Number(process.env.CHURN_SEED ?? Date.now() % 100_000)
    t.comment(`seed ${seed}: CHURN_SEED=${seed} repeats the order of faults`)
    const report = await churn(t, { seed, faults: FAULTS, onFault: line => t.comment(line) })
    for (const line of describeChurn(report)) t.comment(line)
    const { tally, faults, failuresByFault } = report
    t.same(tally.violations, [])
    t.equal(
      Object.values(faults).reduce((sum, times) => sum + times),
      FAULTS,
    )
    // A web server that failed finishes what it has; a session server answers no request.
    for (const kind of ['crash', 'throw', 'kill session server']) {
      t.equal(failuresByFault[kind], 0, `${kind} fails no request`)
    }
    const failed = Object.values(tally.failures).reduce((sum, times) => sum + times, 0)
    t.ok(tally.repeats + failed > 0, 'web servers died with requests in flight')
  },
)
