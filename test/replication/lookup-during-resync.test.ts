import t from 'tap'
import type { SessionCopy } from '../../lib/replication/copy.js'
import { type ActorName, type Partition, partitionOf, type SessionId } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { Owner } from '../../lib/replication/owner.js'
import { Replica } from '../../lib/replication/replica.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import { A, assignmentOf, B, copyOf, mutationOf, synced } from './samples.js'

const SESSIONS = 20_000
const PARTITIONS = 24
/** Partitions resynced at once while nobody waits. */
const AT_ONCE_MAX = 4
/** Then: a resync's one call, and what the other replica answered to the look-up before. */
const AHEAD_MAX = 2

/** All of them in few partitions, as if there were a million in all. */
function sessions(): SessionCopy[] {
  const copies: SessionCopy[] = []
  for (let number = 0; copies.length < SESSIONS; number++) {
    const id = `s${number}` as SessionId
    if (partitionOf(id) < PARTITIONS) copies.push(copyOf(id, 1, 1))
  }
  return copies
}

/** An owner that has just taken over, and its two replicas: each handles a message, or the owner one answer, in `step`. */
function takeover(copies: readonly SessionCopy[]) {
  const cached = new Map<SessionId, SessionCopy>()
  const replicas = new Map<ActorName, Replica>()
  const sent = new Map<ActorName, ToReplica[]>()
  const answers = new Map<ActorName, FromReplica[]>()
  for (const name of [A, B]) {
    const replica = new Replica(new MemoryStore())
    replica.onMessage({ type: 'apply', batch: 1, mutations: copies.map(copy => mutationOf(copy)) }, 0)
    replicas.set(name, replica)
    sent.set(name, [])
    answers.set(name, [])
  }
  let settled = 0
  const owner = new Owner(
    { acks: 'one', ackTimeoutMs: 10_000, outboxMaxBytes: 1_000_000 },
    {
      get: id => cached.get(id),
      inPartition: () => [],
      warm: copy => cached.set(copy.id, copy) !== undefined,
      acknowledged: () => {},
      drop: () => {},
    },
    {
      send: (to, message) => sent.get(to)?.push(message),
      settled: () => settled++,
      fenced: () => t.fail('nobody else owns anything'),
    },
  )
  for (const name of [A, B]) owner.onReplicaUp(name, 0)
  const assignment = assignmentOf(2, [synced(A), synced(B)], { settled: false })
  owner.onAssign(
    Array.from({ length: PARTITIONS }, (_, number) => ({ ...assignment, partition: number as Partition })),
  )
  /** @returns how many copies and entries the owner was answered */
  const step = (name: ActorName): number => {
    const message = sent.get(name)?.shift()
    if (message !== undefined) answers.get(name)?.push(...(replicas.get(name)?.onMessage(message, 0) ?? []))
    const answer = answers.get(name)?.shift()
    if (answer === undefined) return 0
    owner.onMessage(name, answer, 0)
    owner.flush()
    if (answer.type === 'applied') return 0
    return answer.type === 'found' ? answer.copies.length : answer.entries.length
  }
  /** Looks a session up. @returns how many others' calls were ahead of it, at most, and how many copies came before it */
  const lookup = ({ id }: SessionCopy) => {
    let isFound = false
    const ahead = Math.max(
      ...[A, B].map(name => (sent.get(name)?.length ?? 0) + (answers.get(name)?.length ?? 0)),
    )
    owner.lookup(id, 0, ({ type }) => {
      t.equal(type, 'found')
      isFound = true
    })
    owner.flush()
    let members = 0
    while (!isFound) members += step(A) + step(B)
    return { ahead, members }
  }
  return { owner, step, lookup, settledCount: () => settled }
}

t.test('a look-up is answered after a few other messages, however much a resync has to do', async t => {
  const copies = sessions()
  const { owner, step, lookup, settledCount } = takeover(copies)
  owner.flush()
  // In the midst of it.
  while (settledCount() < 2) for (const name of [A, B]) step(name)
  const first = lookup(copies.at(-1) as SessionCopy)
  t.ok(first.ahead <= AT_ONCE_MAX, `${first.ahead} messages ahead of the first`)
  for (let back = 2; back < 40; back++) {
    // The replicas and the owner have a while for other things before the next comes.
    for (let turns = back % 5; turns > 0; turns--) for (const name of [A, B]) step(name)
    const { ahead, members } = lookup(copies.at(-back) as SessionCopy)
    if (back < 2 + AT_ONCE_MAX) continue
    t.ok(ahead <= AHEAD_MAX, `${ahead} messages ahead of one that follows on others`)
    t.ok(members <= SESSIONS / 8, `${members} copies before it`)
  }
  t.ok(settledCount() < PARTITIONS, 'the resync is not over')
})

t.test('a resync goes on while look-ups follow one on another, and at full speed once they end', async t => {
  const copies = sessions()
  const { owner, step, lookup, settledCount } = takeover(copies)
  owner.flush()
  for (let turn = 0; settledCount() < PARTITIONS / 2; turn++) {
    lookup(copies[turn % copies.length] as SessionCopy)
    for (const name of [A, B]) step(name)
  }
  for (let ticks = 0; ticks < 3; ticks++) owner.onTick(ticks)
  while (settledCount() < PARTITIONS) for (const name of [A, B]) step(name)
  t.strictSame(owner.pending, { unacknowledged: 0, lookups: 0, resyncs: 0, queued: 0 })
})
