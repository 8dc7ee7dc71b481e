import t from 'tap'
import type { Assignment, Settled } from '../../lib/replication/assignment.js'
import type { SessionCopy } from '../../lib/replication/copy.js'
import type { ActorName, Epoch, Partition, SessionId } from '../../lib/replication/ids.js'
import type { Found } from '../../lib/replication/lookups.js'
import type { Claim, FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { Owner, type OwnerOptions } from '../../lib/replication/owner.js'
import { Replica } from '../../lib/replication/replica.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import { A, assignmentOf, B, C, claimOf, copyOf, mutationOf, OF_X, synced, unsynced, X } from './samples.js'

const OPTIONS: OwnerOptions = { acks: 'one', ackTimeoutMs: 100, outboxMaxBytes: 10_000 }

/** An owner with a plain cache and real replicas; nothing moves until `deliver`. */
function cluster(options: Partial<OwnerOptions> = {}, names: readonly ActorName[] = [A, B]) {
  const cached = new Map<SessionId, SessionCopy>()
  const acknowledged: SessionId[] = []
  const dropped: Partition[] = []
  const settled: Settled[] = []
  const fenced: Claim[] = []
  const sent: { to: ActorName; message: ToReplica }[] = []
  const replicas = new Map(names.map(name => [name, new Replica(new MemoryStore())]))
  const owner = new Owner(
    { ...OPTIONS, ...options },
    {
      get: id => cached.get(id),
      inPartition: () => cached.values(),
      warm: copy => cached.set(copy.id, copy) !== undefined,
      acknowledged: id => acknowledged.push(id),
      drop: partition => dropped.push(partition),
    },
    {
      send: (to, message) => sent.push({ to, message }),
      settled: report => settled.push(report),
      fenced: claim => fenced.push(claim),
    },
  )
  for (const name of names) owner.onReplicaUp(name, 0)
  /** Lets every message and its answer arrive, except at those who stay silent. */
  const deliver = (silent: readonly ActorName[] = []) => {
    owner.flush()
    for (let next = sent.shift(); next !== undefined; next = sent.shift()) {
      const { to, message } = next
      const answers = silent.includes(to) ? [] : replicas.get(to)?.onMessage(message, 0)
      for (const answer of answers ?? []) owner.onMessage(to, answer, 0)
      owner.flush()
    }
  }
  const mutate = (version: number, epoch = 1) => {
    const copy = copyOf(X, epoch, version)
    const outcomes: string[] = []
    cached.set(X, copy)
    owner.mutate(copy, 0, error => outcomes.push(error?.code ?? 'ok'))
    return outcomes
  }
  const assign = (assignment: Assignment) => owner.onAssign([assignment])
  const stored = (name: ActorName): readonly FromReplica[] | undefined =>
    replicas.get(name)?.onMessage({ type: 'read', call: 1, ids: [X] }, 0)
  const write = (name: ActorName, copy: SessionCopy, authority?: number) =>
    replicas.get(name)?.onMessage({ type: 'apply', batch: 1, mutations: [mutationOf(copy, authority)] }, 0)
  return {
    owner,
    cached,
    acknowledged,
    dropped,
    settled,
    fenced,
    sent,
    deliver,
    mutate,
    assign,
    stored,
    write,
  }
}

function holds(copy: SessionCopy | null) {
  return [{ type: 'found', call: 1, copies: [copy] }]
}

t.test('what is handed over is cached by the next owner, which then asks no replica', async t => {
  const before = cluster()
  before.assign(assignmentOf(1, [synced(A), synced(B)]))
  before.deliver()
  before.mutate(1)
  t.equal(before.owner.release(OF_X), null, 'not before every replica holds its changes')
  before.deliver()
  const handedOver = before.owner.release(OF_X)
  t.match(handedOver, { partition: OF_X, epoch: 1, cold: false, copies: [{ id: X, version: 1 }] })
  t.equal(before.owner.epochOf(OF_X), null)
  if (handedOver === null) return

  const next = cluster()
  next.owner.onAssign([assignmentOf(2, [synced(A), synced(B)])], [handedOver])
  t.match(next.cached.get(X), { epoch: 1, version: 1 })
  next.owner.flush()
  t.same(new Set(next.sent.map(({ message }) => message.type)), new Set(['claim']))
  t.equal(next.owner.pending.resyncs, 0)

  const late = cluster()
  late.owner.onAssign([assignmentOf(3, [synced(A), synced(B)])], [handedOver])
  t.equal(late.cached.size, 0, 'somebody else owned it in between: it may be old')

  const unsettled = cluster()
  unsettled.owner.onAssign([assignmentOf(2, [synced(A), unsynced(B)], { settled: false })], [handedOver])
  t.equal(unsettled.cached.size, 1)
  t.ok(unsettled.owner.pending.resyncs > 0, 'copies that may differ are compared all the same')
})

t.test('a change is answered once a replica holds it, and may be evicted once all do', async t => {
  const { assign, mutate, deliver, acknowledged, owner } = cluster()
  assign(assignmentOf(1, [synced(A), synced(B)]))
  const outcomes = mutate(1)
  deliver([B])
  t.strictSame(outcomes, ['ok'])
  t.strictSame(acknowledged, [])
  t.notOk(owner.isFlushed(OF_X))
  owner.onReplicaLost(B, 0)
  t.strictSame(acknowledged, [X], 'B is not waited for any more')
})

t.test('with acks of all a change waits for every replica that can be reached', async t => {
  const { assign, mutate, deliver, owner } = cluster({ acks: 'all' })
  assign(assignmentOf(1, [synced(A), synced(B)]))
  const outcomes = mutate(1)
  deliver([B])
  t.strictSame(outcomes, [])
  owner.onReplicaLost(B, 0)
  t.strictSame(outcomes, ['ok'])
})

t.test('a partition of which no replica lacks anything is settled without any mutation', async t => {
  const { assign, deliver, settled, owner } = cluster()
  assign(assignmentOf(1, [synced(A), synced(B)], { settled: false }))
  deliver()
  t.strictSame(settled, [{ partition: OF_X, epoch: 1, revision: 0 }])
  t.strictSame(owner.pending, { unacknowledged: 0, lookups: 0, resyncs: 0, queued: 0 })
})

t.test(
  'after a takeover what one replica lacks is copied from the other, and cached ahead of use',
  async t => {
    const { assign, deliver, settled, stored, write, cached } = cluster()
    write(A, copyOf(X, 1, 5))
    assign(assignmentOf(2, [synced(A), synced(B)], { settled: false }))
    deliver()
    t.same(stored(B), holds(copyOf(X, 1, 5)))
    t.same(cached.get(X), copyOf(X, 1, 5))
    t.equal(settled.length, 1)
  },
)

t.test('a new replica is pushed what is cached, and settled only when it has acknowledged it', async t => {
  const { assign, deliver, mutate, settled, stored, owner } = cluster()
  assign(assignmentOf(1, [synced(A)]))
  mutate(1)
  deliver()
  settled.length = 0
  assign(assignmentOf(1, [synced(A), unsynced(B)], { settled: false, revision: 1 }))
  owner.flush()
  t.strictSame(settled, [])
  deliver()
  t.same(stored(B), holds(copyOf(X, 1, 1)))
  t.strictSame(settled, [{ partition: OF_X, epoch: 1, revision: 1 }])
})

t.test('a replica that comes back with a newer state than the cached one spreads it', async t => {
  const { assign, deliver, stored, write, cached } = cluster()
  cached.set(X, copyOf(X, 1, 5))
  write(A, copyOf(X, 1, 5))
  write(B, copyOf(X, 1, 6))
  assign(assignmentOf(2, [synced(A), unsynced(B)], { settled: false }))
  deliver()
  t.same(stored(A), holds(copyOf(X, 1, 6)))
  t.same(cached.get(X), copyOf(X, 1, 6))
})

t.test(
  'a replica that is refusing ends the ownership of that partition, and says by which epoch',
  async t => {
    const { assign, mutate, deliver, write, fenced, dropped, owner } = cluster()
    assign(assignmentOf(1, [synced(A), synced(B)]))
    deliver()
    write(A, copyOf(X, 2, 9))
    const outcomes = mutate(1)
    deliver([B])
    t.strictSame(outcomes, ['OWNERSHIP_LOST'])
    t.strictSame(fenced, [claimOf(OF_X, 2)])
    t.strictSame(dropped, [OF_X])
    t.equal(owner.epochOf(OF_X), null)
  },
)

t.test('a refusal of an epoch that is over does not cost the present one', async t => {
  const { assign, mutate, owner, fenced, sent } = cluster({}, [A])
  assign(assignmentOf(1, [synced(A)]))
  mutate(1)
  owner.flush()
  owner.onUnassign(OF_X)
  assign(assignmentOf(3, [synced(A)]))
  const batch = sent.find(({ message }) => message.type === 'apply')?.message
  t.ok(batch)
  owner.onMessage(A, { type: 'applied', batch: 1, fenced: [claimOf(OF_X, 3)] }, 0)
  t.equal(owner.epochOf(OF_X), 3)
  t.strictSame(fenced, [])
})

t.test('a partition that was given up does not come back by an assignment of the same epoch', async t => {
  const { assign, owner } = cluster()
  assign(assignmentOf(1, [synced(A), synced(B)]))
  owner.onUnassign(OF_X)
  assign(assignmentOf(1, [synced(A)], { revision: 1 }))
  t.equal(owner.epochOf(OF_X), null)
  assign(assignmentOf(2, [synced(A)]))
  t.equal(owner.epochOf(OF_X), 2)
})

t.test('an assignment that is older than the present one means nothing', async t => {
  const { assign, owner, sent } = cluster()
  assign(assignmentOf(2, [synced(A)], { revision: 5 }))
  sent.length = 0
  assign(assignmentOf(2, [synced(B)], { revision: 4 }))
  assign(assignmentOf(1, [synced(B)], { revision: 9 }))
  t.strictSame(sent, [])
  t.equal(owner.epochOf(OF_X), 2)
})

t.test('a replica that leaves forgets only after the reads and mutations that were meant for it', async t => {
  const { assign, owner, deliver, sent, write, stored } = cluster({}, [A, B, C])
  const found: Found[] = []
  write(A, copyOf(X, 1, 5))
  write(B, copyOf(X, 1, 5))
  assign(assignmentOf(1, [synced(A), synced(B)]))
  deliver()
  owner.lookup(X, 0, outcome => found.push(outcome))
  assign(assignmentOf(1, [synced(B), synced(C)], { revision: 1 }))
  owner.flush()
  const toA = sent.filter(({ to }) => to === A).map(({ message }) => message.type)
  t.strictSame(toA, ['read', 'forget'])
  deliver()
  t.match(found, [{ type: 'found', copy: copyOf(X, 1, 5) }])
  t.same(stored(A), holds(null))
})

t.test(
  'a new owner lets those forget who left under the one before, unless they know a later epoch',
  async t => {
    const { assign, owner, deliver, write, stored } = cluster({}, [A, B, C])
    for (const name of [A, B, C]) write(name, copyOf(X, 1, 5))
    const former = [{ name: C, epoch: 1 as Epoch }]
    assign({ ...assignmentOf(2, [synced(A), synced(B)]), former })
    owner.flush()
    deliver()
    t.same(stored(C), holds(null))
    t.same(stored(A), holds(copyOf(X, 1, 5)))
    write(C, copyOf(X, 3, 1))
    assign({ ...assignmentOf(4, [synced(A), synced(B)]), former })
    owner.flush()
    deliver()
    t.same(stored(C), holds(copyOf(X, 3, 1)))
  },
)

t.test('a replica that is about to leave counts for no acknowledgement', async t => {
  const { assign, mutate, deliver } = cluster()
  assign(assignmentOf(1, [{ name: A, synced: true, retiring: true }, unsynced(B)], { settled: false }))
  const outcomes = mutate(1)
  deliver([B])
  t.strictSame(outcomes, [])
})

t.test('with acks of all, who is about to leave is waited for, too: it may stay', async t => {
  for (const lacking of [[A], [B], []]) {
    const { assign, mutate, deliver } = cluster({ acks: 'all' })
    assign(assignmentOf(1, [{ name: A, synced: true, retiring: true }, unsynced(B)], { settled: false }))
    const outcomes = mutate(1)
    deliver(lacking)
    t.equal(outcomes.length, lacking.length === 0 ? 1 : 0)
  }
})

t.test('what this web server does not own is neither replicated nor looked up', async t => {
  const { mutate, owner } = cluster()
  const found: Found[] = []
  t.strictSame(mutate(1), ['OWNERSHIP_LOST'])
  owner.lookup(X, 0, outcome => found.push(outcome))
  t.match(found, [{ type: 'unavailable', error: { code: 'OWNERSHIP_LOST' } }])
})

t.test('without a replica that can be reached a look-up fails at once, and a change in time', async t => {
  const { assign, mutate, owner } = cluster({}, [])
  const found: Found[] = []
  assign(assignmentOf(1, [synced(A)]))
  owner.lookup(X, 0, outcome => found.push(outcome))
  t.match(found, [{ type: 'unavailable', error: { code: 'SESSION_UNAVAILABLE' } }])
  const outcomes = mutate(1)
  owner.onTick(OPTIONS.ackTimeoutMs)
  t.strictSame(outcomes, ['REPLICATION_TIMEOUT'])
})

t.test(
  'an owner that goes on in another epoch keeps its sessions and sends them under the new one',
  async t => {
    const { assign, mutate, deliver, dropped, stored, fenced, owner } = cluster({ acks: 'all' })
    assign(assignmentOf(1, [synced(A), synced(B)]))
    deliver()
    const outcomes = mutate(1)
    owner.flush()
    owner.onReplicaLost(A, 0)
    t.strictSame(outcomes, [], 'B has not acknowledged')
    assign({ ...assignmentOf(2, [unsynced(B)], { settled: false }), continues: true })
    deliver()
    t.strictSame(outcomes, ['ok'])
    t.strictSame(dropped, [])
    t.strictSame(stored(B), holds(copyOf(X, 1, 1)))
    mutate(2, 2)
    deliver()
    t.strictSame(stored(B), holds(copyOf(X, 2, 2)))
    t.strictSame(fenced, [])
    t.equal(owner.pending.unacknowledged, 0)
  },
)

t.test('an owner that has released a partition does not go on with it', async t => {
  const { assign, deliver, owner, fenced } = cluster()
  assign(assignmentOf(1, [synced(A)]))
  deliver()
  owner.release(OF_X)
  const next = { ...assignmentOf(2, [unsynced(B)], { settled: false }), continues: true } as const
  assign(next)
  assign({ ...next, revision: 1 })
  t.equal(owner.epochOf(OF_X), null)
  t.strictSame(fenced, [], 'the director hears of the release')
})

t.test('an owner that was fenced does not go on with a partition, and says so once', async t => {
  const { assign, deliver, owner, fenced } = cluster()
  assign(assignmentOf(1, [synced(A)]))
  deliver()
  owner.onUnassign(OF_X)
  const next = { ...assignmentOf(2, [unsynced(B)], { settled: false }), continues: true } as const
  assign(next)
  assign({ ...next, revision: 1 })
  t.equal(owner.epochOf(OF_X), null)
  t.strictSame(fenced, [claimOf(OF_X, 2)])
})

t.test('that a replica holds a change counts for nothing once it has left the partition', async t => {
  const { assign, deliver, mutate, owner, sent } = cluster({}, [A, B])
  assign(assignmentOf(1, [synced(A), synced(B)]))
  deliver()
  const outcomes = mutate(1)
  owner.flush()
  const applies = sent.splice(0).filter(({ message }) => message.type === 'apply')
  assign(assignmentOf(1, [synced(B)], { revision: 1 }))
  const answer = (name: ActorName) => {
    const message = applies.find(({ to }) => to === name)?.message
    if (message?.type === 'apply')
      owner.onMessage(name, { type: 'applied', batch: message.batch, fenced: [] }, 0)
  }
  answer(A)
  t.strictSame(outcomes, [])
  answer(B)
  t.strictSame(outcomes, ['ok'])
})
