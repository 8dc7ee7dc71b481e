import t from 'tap'
import { CHUNK_BYTES, CreditMeter, SendWindow, WINDOW_BYTES } from '../../lib/transport/credits.js'

t.test('a window closes when it is full and opens by as much as was credited', async t => {
  const window = new SendWindow()
  t.equal(window.available, WINDOW_BYTES)
  window.sent(WINDOW_BYTES)
  t.equal(window.available, 0)
  window.credited(10)
  t.equal(window.available, 10)
})

t.test('credits are collected until they are worth a message', async t => {
  const meter = new CreditMeter()
  t.equal(meter.consumed(CHUNK_BYTES - 1), 0)
  t.equal(meter.consumed(1), CHUNK_BYTES)
  t.equal(meter.consumed(1), 0)
})

t.test('a sender that only waits for credits never waits for ever', async t => {
  const window = new SendWindow()
  const meter = new CreditMeter()
  let left = 10_000_000
  while (left > 0) {
    const size = Math.min(left, window.available, 1000)
    if (size === 0) break
    window.sent(size)
    window.credited(meter.consumed(size))
    left -= size
  }
  t.equal(left, 0, 'all was sent')
})
