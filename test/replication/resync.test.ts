import t from 'tap'
import type { Mutation, SessionCopy } from '../../lib/replication/copy.js'
import type { ActorName, SessionId } from '../../lib/replication/ids.js'
import type { ToReplica } from '../../lib/replication/messages.js'
import { Resync } from '../../lib/replication/resync.js'
import { A, assignmentOf, B, copyOf, synced, unsynced, X, Y } from './samples.js'

/** A resync of epoch 2 between A, which is up to date, and B, which is not. */
function resync({ warming = true, cached = [] as SessionCopy[], cacheHasRoom = true } = {}) {
  const hosted = new Map(cached.map(copy => [copy.id, copy]))
  const calls: { number: number; to: ActorName; message: ToReplica }[] = []
  const queued: { to: ActorName; mutation: Mutation }[] = []
  const barriers: (() => void)[] = []
  const outbox = { hasRoom: true }
  let settled = 0
  const subject = new Resync(
    assignmentOf(2, [synced(A), unsynced(B)], { settled: false }),
    warming,
    {
      get: id => hosted.get(id),
      inPartition: () => hosted.values(),
      warm: copy => cacheHasRoom && hosted.set(copy.id, copy) !== undefined,
      acknowledged: () => {},
      drop: () => {},
    },
    {
      call: (to, message) => {
        const number = calls.length + 1
        calls.push({ number, to, message: message(number) })
        return number
      },
      enqueue: (to, mutation) => queued.push({ to, mutation }),
      onceAcknowledged: (_, passed) => barriers.push(passed),
      hasRoom: () => outbox.hasRoom,
      settled: () => settled++,
    },
  )
  subject.start()
  const digest = (to: ActorName, ...copies: SessionCopy[]) =>
    subject.onDigest(calls.find(call => call.to === to)?.number ?? 0, copies, false)
  const reads = () => calls.filter(({ message }) => message.type === 'read')
  const idsRead = (): SessionId[] =>
    reads().flatMap(({ message }) => (message.type === 'read' ? message.ids : []))
  return { subject, digest, reads, idsRead, queued, barriers, outbox, hosted, settledCount: () => settled }
}

t.test('nothing happens before every replica has told all it has', async t => {
  const { digest, idsRead, barriers } = resync()
  digest(A, copyOf(X, 1, 1))
  t.strictSame(idsRead(), [])
  t.equal(barriers.length, 0)
  digest(B)
  t.strictSame(idsRead(), [X])
})

t.test('what is cached is pushed to whoever is behind, in the present epoch, and not read', async t => {
  const { digest, queued, idsRead } = resync({ cached: [copyOf(X, 1, 2)] })
  digest(A, copyOf(X, 1, 2))
  digest(B, copyOf(X, 1, 1))
  t.match(queued, [{ to: B, mutation: { id: X, version: 2, epoch: 1, authority: 2 } }])
  t.equal(queued.length, 1)
  t.strictSame(idsRead(), [])
})

t.test(
  'what no cache holds is read from a replica with its newest state and passed on, tombstones too',
  async t => {
    const { subject, digest, reads, queued } = resync()
    digest(A, copyOf(X, 1, 2, null))
    digest(B, copyOf(X, 1, 1))
    const [read] = reads()
    t.equal(read?.to, A)
    subject.onFound(read?.number ?? 0, [copyOf(X, 1, 2, null)])
    t.match(queued, [{ to: B, mutation: { id: X, version: 2, data: null, authority: 2 } }])
  },
)

t.test('when nothing is to be read ahead, only what some replica lacks is read', async t => {
  const { digest, idsRead } = resync({ warming: false })
  digest(A, copyOf(X, 1, 1), copyOf(Y, 1, 1))
  digest(B, copyOf(X, 1, 1))
  t.strictSame(idsRead(), [Y])
})

t.test('a cached state older than that of a replica is replaced', async t => {
  const { subject, digest, reads, hosted } = resync({ cached: [copyOf(X, 1, 1)], warming: false })
  digest(A, copyOf(X, 1, 1))
  digest(B, copyOf(X, 1, 2))
  const [read] = reads()
  t.equal(read?.to, B)
  subject.onFound(read?.number ?? 0, [copyOf(X, 1, 2)])
  t.equal(hosted.get(X)?.version, 2)
})

t.test('reading waits while the outboxes are full', async t => {
  const { subject, digest, idsRead, outbox } = resync()
  outbox.hasRoom = false
  digest(A, copyOf(X, 1, 1))
  digest(B)
  t.strictSame(idsRead(), [])
  outbox.hasRoom = true
  subject.proceed()
  t.strictSame(idsRead(), [X])
})

t.test('it is settled once every replica has acknowledged everything, and only once', async t => {
  const { digest, barriers, settledCount } = resync()
  digest(A)
  digest(B)
  t.equal(barriers.length, 2)
  barriers[0]?.()
  t.equal(settledCount(), 0)
  barriers[1]?.()
  t.equal(settledCount(), 1)
})

t.test('when the cache is full what all replicas hold is not read any more', async t => {
  const { subject, digest, reads, barriers } = resync({ cacheHasRoom: false })
  const many = Array.from({ length: 300 }, (_, index) => copyOf(`s${index}` as SessionId, 1, 1))
  digest(A, ...many)
  digest(B, ...many)
  t.equal(reads().length, 1)
  subject.onFound(reads()[0]?.number ?? 0, many.slice(0, 128))
  t.equal(reads().length, 1)
  t.equal(barriers.length, 2)
})

t.test('after it was cancelled nothing happens', async t => {
  const { subject, digest, barriers, settledCount } = resync()
  digest(A)
  digest(B)
  subject.cancel()
  for (const passed of barriers) passed()
  t.equal(settledCount(), 0)
})
