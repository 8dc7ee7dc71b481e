import t from 'tap'
import { RestartDelay } from '../../../lib/director/actors/restart-delay.js'

const times = (count: number, ranMs: number, delay: RestartDelay): number[] =>
  Array.from({ length: count }, () => delay.onEnd(ranMs))

t.test(
  'an actor that dies at start again and again is restarted at once, then ever later, at most 10 s',
  async t => {
    t.strictSame(times(10, 0, new RestartDelay()), [0, 100, 200, 400, 800, 1600, 3200, 6400, 10_000, 10_000])
  },
)

t.test('an actor that dies soon after its start backs off as well', async t => {
  t.strictSame(times(4, 1_000, new RestartDelay()), [0, 100, 200, 400])
})

t.test('after a long run the restart is immediate again', async t => {
  const delay = new RestartDelay()
  times(8, 0, delay)
  t.strictSame([delay.onEnd(60_000), delay.onEnd(0), delay.onEnd(0)], [0, 100, 200])
})

t.test('the wait stays at its cap for as long as it goes on', async t => {
  const delay = new RestartDelay()
  times(5_000, 0, delay)
  t.equal(delay.onEnd(0), 10_000)
})
