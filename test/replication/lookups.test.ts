import t from 'tap'
import type { AssignedReplica } from '../../lib/replication/assignment.js'
import type { SessionCopy } from '../../lib/replication/copy.js'
import type { ActorName } from '../../lib/replication/ids.js'
import { type Found, Lookups } from '../../lib/replication/lookups.js'
import { A, B, copyOf, EXPIRES, OF_X, synced, unsynced, X } from './samples.js'

const TIMEOUT_MS = 100

/** One look-up of X under way. */
function lookup(replicas: readonly AssignedReplica[], settled: boolean) {
  const subject = new Lookups(TIMEOUT_MS)
  const calls = new Map<ActorName, number>()
  const outcomes: Found[] = []
  let call = 0
  subject.start(X, replicas, settled, 0, found => outcomes.push(found))
  subject.flush(
    () => ++call,
    replica => calls.set(replica, call),
  )
  const answer = (replica: ActorName, copy: SessionCopy | null, now = 0) =>
    subject.onFound(replica, calls.get(replica) ?? 0, [copy], now)
  return { subject, calls, outcomes, answer }
}

t.test('until the partition is settled every replica is waited for, and the newest copy wins', async t => {
  const { outcomes, answer, subject } = lookup([synced(A), synced(B)], false)
  answer(A, copyOf(X, 1, 1))
  t.strictSame(outcomes, [])
  answer(B, copyOf(X, 1, 2))
  t.strictSame(outcomes, [{ type: 'found', copy: copyOf(X, 1, 2) }])
  t.equal(subject.size, 0)
})

t.test('once it is settled the first answer of an up-to-date replica is enough', async t => {
  const { outcomes, answer } = lookup([unsynced(A), synced(B)], true)
  answer(A, null)
  t.strictSame(outcomes, [])
  answer(B, copyOf(X, 1, 1))
  t.strictSame(outcomes, [{ type: 'found', copy: copyOf(X, 1, 1) }])
})

t.test('a newer tombstone means absent, whatever an older copy says', async t => {
  const { outcomes, answer } = lookup([synced(A), synced(B)], false)
  answer(A, copyOf(X, 1, 2, null))
  answer(B, copyOf(X, 1, 1))
  t.strictSame(outcomes, [{ type: 'absent', destroyed: true }])
})

t.test('an expired copy means absent', async t => {
  const { outcomes, answer } = lookup([synced(A)], true)
  answer(A, copyOf(X, 1, 1), EXPIRES)
  t.strictSame(outcomes, [{ type: 'absent', destroyed: false }])
})

t.test('that a session is absent is never believed of a replica that is not up to date', async t => {
  const { outcomes, answer, subject } = lookup([synced(A), unsynced(B)], false)
  answer(B, null)
  subject.onReplicaLost(A, 0)
  t.match(outcomes, [{ type: 'unavailable', error: { code: 'SESSION_UNAVAILABLE' } }])
})

t.test('without any up-to-date replica nobody is asked', async t => {
  const { outcomes, calls } = lookup([unsynced(A)], false)
  t.match(outcomes, [{ type: 'unavailable' }])
  t.equal(calls.size, 0)
})

t.test('a replica that is lost is not waited for', async t => {
  const { outcomes, answer, subject } = lookup([synced(A), synced(B)], false)
  answer(A, copyOf(X, 1, 1))
  subject.onReplicaLost(B, 0)
  t.match(outcomes, [{ type: 'found' }])
  t.equal(subject.size, 0)
})

t.test('no answer in time makes it unavailable, and a late one changes nothing', async t => {
  const { outcomes, answer, subject } = lookup([synced(A)], true)
  subject.onTick(TIMEOUT_MS - 1)
  t.strictSame(outcomes, [])
  subject.onTick(TIMEOUT_MS)
  answer(A, copyOf(X, 1, 1))
  t.match(outcomes, [{ type: 'unavailable', error: { code: 'SESSION_UNAVAILABLE' } }])
  t.equal(outcomes.length, 1)
  t.equal(subject.size, 0)
})

t.test('when the partition moves away the look-up ends', async t => {
  const { outcomes, subject } = lookup([synced(A)], true)
  subject.onPartitionLost(OF_X)
  t.match(outcomes, [{ type: 'unavailable', error: { code: 'OWNERSHIP_LOST' } }])
})

t.test('an answer under the name of another replica is not ours', async t => {
  const { subject, calls } = lookup([synced(A), synced(B)], false)
  t.notOk(subject.onFound(B, calls.get(A) ?? 0, [null], 0))
})
