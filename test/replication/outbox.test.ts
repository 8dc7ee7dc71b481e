import t from 'tap'
import type { SessionId } from '../../lib/replication/ids.js'
import { Outbox } from '../../lib/replication/outbox.js'
import { copyOf, mutationOf, X, Y } from './samples.js'

function session(number: number): SessionId {
  return `s${number}` as SessionId
}

t.test('a newer state takes the place of a queued older one', async t => {
  const outbox = new Outbox()
  outbox.enqueue(mutationOf(copyOf(X, 1, 1)))
  outbox.enqueue(mutationOf(copyOf(Y, 1, 1)))
  outbox.enqueue(mutationOf(copyOf(X, 1, 2)))
  t.strictSame(outbox.nextBatch()?.mutations, [mutationOf(copyOf(X, 1, 2)), mutationOf(copyOf(Y, 1, 1))])
  t.equal(outbox.nextBatch(), null)
})

t.test('an older state does not replace a queued newer one', async t => {
  const outbox = new Outbox()
  outbox.enqueue(mutationOf(copyOf(X, 1, 2)))
  outbox.enqueue(mutationOf(copyOf(X, 1, 1)))
  t.strictSame(outbox.nextBatch()?.mutations, [mutationOf(copyOf(X, 1, 2))])
})

t.test('what a later epoch queues replaces what an earlier one left, even a newer state', async t => {
  const outbox = new Outbox()
  outbox.enqueue(mutationOf(copyOf(X, 1, 9), 1))
  outbox.enqueue(mutationOf(copyOf(X, 1, 8), 3))
  t.strictSame(outbox.nextBatch()?.mutations, [mutationOf(copyOf(X, 1, 8), 3)])
})

t.test('only so many batches are on their way at once', async t => {
  const outbox = new Outbox()
  for (let number = 1; number <= 8; number++) {
    outbox.enqueue(mutationOf(copyOf(session(number), 1, 1)))
    t.equal(outbox.nextBatch()?.number, number)
  }
  outbox.enqueue(mutationOf(copyOf(X, 1, 1)))
  t.equal(outbox.nextBatch(), null)
  outbox.onApplied(1)
  t.equal(outbox.nextBatch()?.number, 9)
})

t.test('a batch is bounded', async t => {
  const outbox = new Outbox()
  for (let number = 0; number < 600; number++) outbox.enqueue(mutationOf(copyOf(session(number), 1, 1)))
  t.equal(outbox.nextBatch()?.mutations.length, 512)
  t.equal(outbox.nextBatch()?.mutations.length, 88)
})

t.test('an answer that is not due is ignored', async t => {
  const outbox = new Outbox()
  outbox.enqueue(mutationOf(copyOf(X, 1, 1)))
  outbox.nextBatch()
  t.equal(outbox.onApplied(2), null)
  t.equal(outbox.depth, 1)
  t.ok(outbox.onApplied(1))
  t.equal(outbox.onApplied(1), null)
})

t.test('depth and bytes return to nothing once everything is acknowledged', async t => {
  const outbox = new Outbox()
  outbox.enqueue(mutationOf(copyOf(X, 1, 1, 'some text')))
  outbox.enqueue(mutationOf(copyOf(X, 1, 2, 'some longer text')))
  outbox.nextBatch()
  t.ok(outbox.bytes > 0)
  outbox.onApplied(1)
  t.equal(outbox.bytes, 0)
  t.equal(outbox.depth, 0)
})

t.test(
  'a barrier passes once all that was queued before it is acknowledged, whatever came later',
  async t => {
    const outbox = new Outbox()
    let passed = false
    outbox.enqueue(mutationOf(copyOf(X, 1, 1)))
    outbox.nextBatch()
    outbox.onceAcknowledged(() => {
      passed = true
    })
    outbox.enqueue(mutationOf(copyOf(Y, 1, 1)))
    outbox.passBarriers()
    t.notOk(passed)
    outbox.onApplied(1)
    outbox.passBarriers()
    t.ok(passed)
  },
)
