/** A soak of seconds: its figures are all there, and those that take no warm-up are flat. `npm run soak` takes its time. */
import t from 'tap'
import { FIGURES } from './figures.js'
import { soak } from './soak.js'

t.test('actors come and go: descriptors and ports do not pile up', { timeout: 60_000 }, async t => {
  const { trends, tally, disturbances } = await soak({ minutes: 0.08, sampleMs: 200 })
  t.same([...trends.keys()], Object.keys(FIGURES))
  t.ok([...trends.values()].every(({ mean }) => mean > 0))
  for (const figure of [
    'open file descriptors',
    'message ports of the director',
    'message ports of all web servers',
  ] as const) {
    t.ok(trends.get(figure)?.isFlat, figure)
  }
  t.ok(Object.keys(disturbances).length > 0)
  t.same(tally.violations, [])
  t.ok(tally.increments > 0)
})
