import t from 'tap'
import type { AssignedReplica } from '../../lib/replication/assignment.js'
import type { ActorName, SessionId } from '../../lib/replication/ids.js'
import { type Listed, Listings } from '../../lib/replication/listings.js'
import { A, B, copyOf, OF_X, synced, unsynced, X, Y } from './samples.js'

const TIMEOUT_MS = 100

/** One listing of the partition of X under way. */
function listing(replicas: readonly AssignedReplica[], settled: boolean) {
  const subject = new Listings(TIMEOUT_MS)
  const calls = new Map<ActorName, number>()
  const outcomes: Listed[] = []
  let last = 0
  const ask = (replica: ActorName) => {
    calls.set(replica, ++last)
    return last
  }
  subject.start(OF_X, replicas, settled, 0, ask, listed => outcomes.push(listed))
  const answer = (replica: ActorName, ids: readonly SessionId[], more = false) =>
    subject.onDigest(replica, {
      type: 'digest',
      call: calls.get(replica) ?? 0,
      entries: ids.map(id => copyOf(id, 1, 1)),
      more,
    })
  return { subject, calls, outcomes, answer }
}

const listed = (...ids: SessionId[]) => [{ type: 'listed', ids: new Set(ids) }]
const UNAVAILABLE = [{ type: 'unavailable', error: { code: 'SESSION_UNAVAILABLE' } }]

t.test('until the partition is settled the lists of all replicas count together', async t => {
  const { subject, outcomes, answer } = listing([synced(A), unsynced(B)], false)
  answer(A, [X])
  t.strictSame(outcomes, [])
  answer(B, [Y])
  t.same(outcomes, listed(X, Y))
  t.equal(subject.size, 0)
})

t.test('once it is settled the whole list of one up-to-date replica is enough', async t => {
  const { outcomes, answer } = listing([unsynced(A), synced(B)], true)
  answer(A, [])
  answer(B, [X], true)
  t.strictSame(outcomes, [], 'more is to come')
  answer(B, [Y])
  t.same(outcomes, listed(X, Y))
})

t.test('what comes later is nobody’s', async t => {
  const { outcomes, answer } = listing([synced(A), synced(B)], true)
  t.equal(answer(A, [X]), true)
  t.equal(answer(B, [X, Y]), false)
  t.same(outcomes, listed(X))
})

t.test('a lost replica is not waited for, but its list is missed when no other is up to date', async t => {
  const two = listing([synced(A), synced(B)], false)
  two.answer(A, [X])
  two.subject.onReplicaLost(B)
  t.same(two.outcomes, listed(X))
  const one = listing([synced(A), unsynced(B)], false)
  one.answer(B, [X])
  one.subject.onReplicaLost(A)
  t.match(one.outcomes, UNAVAILABLE)
})

t.test('replicas that are not up to date are not even asked when there are no others', async t => {
  const { calls, outcomes } = listing([unsynced(A)], true)
  t.equal(calls.size, 0)
  t.match(outcomes, UNAVAILABLE)
})

t.test('nobody waits for ever, nor for a partition that is another’s', async t => {
  const silent = listing([synced(A)], true)
  silent.subject.onTick(TIMEOUT_MS - 1)
  t.strictSame(silent.outcomes, [])
  silent.subject.onTick(TIMEOUT_MS)
  t.match(silent.outcomes, UNAVAILABLE)
  const moved = listing([synced(A)], true)
  moved.subject.onPartitionLost(OF_X)
  t.match(moved.outcomes, [{ type: 'unavailable', error: { code: 'OWNERSHIP_LOST' } }])
  t.equal(moved.subject.size, 0)
})
