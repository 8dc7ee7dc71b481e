/** Twice and ten times what a cluster can carry. `npm run overload` draws the whole curve. */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { overload } from './overload.js'

/** What the app computes for each request, ms. The hang timeout is far below what all that wait take together. */
const COMPUTE_MS = 20
/** Twice the load fills what may wait only slowly. */
const FACTOR_MAX = 10

t.test(
  'twice and ten times the load: as much as ever is served, the rest is told at once, and nothing acknowledged is lost',
  { timeout: 100_000 },
  async t => {
    const cluster = await startCluster(t, { webServers: { threads: 2, hangTimeout: '2s' } })
    await cluster.whole()
    const report = await overload(cluster, {
      ...{ computeMs: COMPUTE_MS, factors: [2, FACTOR_MAX], phaseMs: 3_000 },
      onPhase: line => t.comment(line),
    })
    t.same(report.violations, [])
    for (const { factor, servedPerSecond, refused, servedMs, refusedMs, failures } of report.phases) {
      const what = `at ${factor} times the load`
      t.ok(servedPerSecond > 0.8 * report.peakPerSecond, `${what} at least 80 % of the peak is served`)
      t.ok(refused > 0 || factor < FACTOR_MAX, `${what} some are refused`)
      t.ok(refusedMs.median < servedMs.median / 2, `${what} a 503 comes quickly`)
      t.same(failures, {}, `${what} nothing else fails`)
    }
    const { served, refused, failures } = report.afterwards
    t.ok(served > 0)
    t.same({ refused, failures }, { refused: 0, failures: {} }, 'when the load is gone everybody is served')
    const deaths = cluster.logged.filter(({ msg, actor }) => msg === 'lost' && actor !== undefined)
    t.same(deaths, [], 'no web server was taken for one that hangs')
  },
)
