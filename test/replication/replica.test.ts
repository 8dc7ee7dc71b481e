import t from 'tap'
import type { Mutation } from '../../lib/replication/copy.js'
import { ALL_PARTITIONS, type SessionId } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { Replica } from '../../lib/replication/replica.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import { claimOf, copyOf, EXPIRES, mutationOf, OF_X, X, Y } from './samples.js'

/** A replica at time 0, to talk to. */
function replica() {
  const subject = new Replica(new MemoryStore())
  const say = (message: ToReplica, now = 0): readonly FromReplica[] => subject.onMessage(message, now)
  return {
    say,
    apply: (...mutations: Mutation[]) => say({ type: 'apply', batch: 1, mutations })[0],
    read: (id: SessionId, now = 0) => {
      const [answer] = say({ type: 'read', call: 1, ids: [id] }, now)
      return answer?.type === 'found' ? answer.copies[0] : undefined
    },
    tick: (now: number) => subject.onTick(now),
  }
}

const ACCEPTED = { type: 'applied', batch: 1, fenced: [] }

t.test('what was applied can be read, and what never was reads as null', async t => {
  const { apply, read } = replica()
  t.same(apply(mutationOf(copyOf(X, 1, 1))), ACCEPTED)
  t.same(read(X), copyOf(X, 1, 1))
  t.equal(read(Y), null)
})

t.test('an older state never replaces a newer one, and is acknowledged all the same', async t => {
  const { apply, read } = replica()
  apply(mutationOf(copyOf(X, 1, 5, 'new')))
  t.same(apply(mutationOf(copyOf(X, 1, 4, 'old'))), ACCEPTED)
  t.equal(read(X)?.data, 'new')
})

t.test('a destroyed session stays as a tombstone that late mutations can not undo', async t => {
  const { apply, read } = replica()
  apply(mutationOf(copyOf(X, 1, 5, null)))
  apply(mutationOf(copyOf(X, 1, 4)))
  t.equal(read(X)?.data, null)
})

t.test('mutations of an epoch before the last claim are refused, and the fence is named', async t => {
  const { say, apply, read } = replica()
  say({ type: 'claim', claims: [claimOf(OF_X, 3)] })
  t.same(apply(mutationOf(copyOf(X, 2, 1))), { ...ACCEPTED, fenced: [claimOf(OF_X, 3)] })
  t.equal(read(X), null)
})

t.test('a claim of an earlier epoch does not lower the fence', async t => {
  const { say, apply } = replica()
  say({ type: 'claim', claims: [claimOf(OF_X, 3), claimOf(OF_X, 1)] })
  t.same(apply(mutationOf(copyOf(X, 2, 1))), { ...ACCEPTED, fenced: [claimOf(OF_X, 3)] })
})

t.test('a later owner may pass on what an earlier one wrote', async t => {
  const { say, apply, read } = replica()
  say({ type: 'claim', claims: [claimOf(OF_X, 3)] })
  t.same(apply(mutationOf(copyOf(X, 1, 1), 3)), ACCEPTED)
  t.equal(read(X)?.epoch, 1)
})

t.test('a mutation of a later epoch fences even without a claim', async t => {
  const { apply } = replica()
  apply(mutationOf(copyOf(X, 3, 1)))
  t.same(apply(mutationOf(copyOf(X, 2, 9))), { ...ACCEPTED, fenced: [claimOf(OF_X, 3)] })
})

t.test('an expired copy is as good as none before the sweep, and gone after a full round of it', async t => {
  const { apply, read, say, tick } = replica()
  apply(mutationOf(copyOf(X, 1, 1)))
  t.equal(read(X, EXPIRES), null)
  t.same(say({ type: 'list', call: 1, partition: OF_X }, EXPIRES), [
    { type: 'digest', call: 1, entries: [], more: false },
  ])
  t.ok(read(X, EXPIRES - 1))
  for (let swept = 0; swept < ALL_PARTITIONS.length; swept++) tick(EXPIRES)
  t.equal(read(X, EXPIRES - 1), null)
})

t.test('a long list comes in several digests, the last of which says so', async t => {
  const { apply, say } = replica()
  const ids = Array.from({ length: 2_500 }, (_, index) => `s${index}` as SessionId)
  apply(...ids.map(id => ({ ...mutationOf(copyOf(id, 1, 1)), partition: OF_X })))
  const digests = say({ type: 'list', call: 7, partition: OF_X }).filter(answer => answer.type === 'digest')
  t.strictSame(
    digests.map(({ more }) => more),
    [true, true, false],
  )
  t.equal(digests.flatMap(({ entries }) => entries).length, 2_500)
})

t.test('a partition is forgotten with its copies, but its fence stays', async t => {
  const { apply, read, say } = replica()
  apply(mutationOf(copyOf(X, 3, 1)))
  say({ type: 'forget', claim: claimOf(OF_X, 3) })
  t.equal(read(X), null)
  t.same(apply(mutationOf(copyOf(X, 2, 1))), { ...ACCEPTED, fenced: [claimOf(OF_X, 3)] })
})

t.test('an owner of the past can not make a replica forget', async t => {
  const { apply, read, say } = replica()
  apply(mutationOf(copyOf(X, 3, 1)))
  say({ type: 'forget', claim: claimOf(OF_X, 2) })
  t.ok(read(X))
})
