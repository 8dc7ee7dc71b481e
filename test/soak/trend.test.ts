import t from 'tap'
import { trendOf } from './trend.js'

const MINUTES = Array.from({ length: 30 }, (_, minute) => minute)
/** Noise that repeats itself: the same every time, and no trend of its own. */
const NOISE = [0, 3, -2, 1, -3, 2, -1]

const samplesOf = (valueAt: (minute: number) => number) =>
  MINUTES.map(minute => ({
    atMs: minute * 60_000,
    value: valueAt(minute) + (NOISE[minute % NOISE.length] ?? 0),
  }))

t.test('a figure that goes up and down around one value is flat', async t => {
  const { mean, isFlat } = trendOf(samplesOf(() => 100))
  t.equal(Math.round(mean), 100)
  t.ok(isFlat)
})

t.test('a figure that rises is not, and the slope tells how fast', async t => {
  const { slopePerHour, uncertaintyPerHour, isFlat } = trendOf(samplesOf(minute => 100 + minute / 3))
  t.ok(Math.abs(slopePerHour - 20) < uncertaintyPerHour && uncertaintyPerHour < 10)
  t.notOk(isFlat)
})

t.test('a figure that falls is flat', async t => {
  t.ok(trendOf(samplesOf(minute => 100 - minute)).isFlat)
})

t.test('a rise that the noise can explain is no rise', async t => {
  const { isFlat } = trendOf(samplesOf(() => 10).slice(0, 5))
  t.ok(isFlat)
})

t.test('two samples are no trend', async t => {
  t.throws(() => trendOf(samplesOf(() => 1).slice(0, 2)), RangeError)
})
