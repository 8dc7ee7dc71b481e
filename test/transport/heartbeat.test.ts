import t from 'tap'
import {
  createHeartbeat,
  HangDetector,
  startHeartbeat,
  watchHeartbeat,
} from '../../lib/transport/heartbeat.js'
import { until } from '../support/until.js'

t.test('a counter that stands still for as many looks as allowed is a hang', async t => {
  const detector = new HangDetector(3)
  t.strictSame(
    [7, 7, 7, 7].map(count => detector.onCheck(count)),
    [false, false, false, true],
  )
})

t.test('every change starts the count anew, also when the counter wraps around', async t => {
  const detector = new HangDetector(2)
  const counts = [1, 1, 2, 2, 2 ** 31 - 1, 2 ** 31 - 1, -(2 ** 31), -(2 ** 31), -(2 ** 31)]
  t.strictSame(
    counts.map(count => detector.onCheck(count)),
    [false, false, false, false, false, false, false, false, true],
  )
})

t.test('a heart that beats is not condemned, one that stopped is, once', async t => {
  const beating = createHeartbeat()
  const stopped = createHeartbeat()
  const hangs: string[] = []
  const stopBeating = startHeartbeat(beating)
  startHeartbeat(stopped)()
  const unwatch = [
    watchHeartbeat(beating, { hangTimeoutMs: 250, onHang: () => hangs.push('beating') }),
    watchHeartbeat(stopped, { hangTimeoutMs: 250, onHang: () => hangs.push('stopped') }),
  ]
  const keepAlive = setInterval(() => undefined, 10)
  t.teardown(() => {
    clearInterval(keepAlive)
    stopBeating()
    for (const each of unwatch) each()
  })
  await until(() => hangs.length > 0)
  const beats = new Int32Array(beating)[0] ?? 0
  await until(() => (new Int32Array(beating)[0] ?? 0) > beats + 10)
  t.strictSame(hangs, ['stopped'])
})
