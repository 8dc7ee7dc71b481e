import t from 'tap'
import type { Assignment } from '../../lib/replication/assignment.js'
import { type ActorName, ALL_PARTITIONS, type Epoch, type Partition } from '../../lib/replication/ids.js'
import { type Assignments, PartitionTable } from '../../lib/replication/partition-table.js'
import { A, B, C, synced, unsynced, WEB_1, WEB_2 } from './samples.js'

const PARTITIONS = ALL_PARTITIONS.slice(0, 8)
const FIRST = 0 as Partition

/** A table whose actors are all up, and whose partitions are assigned and settled. */
function table(copies: number | 'all', sessionServers: ActorName[], webServers: ActorName[]): PartitionTable {
  const made = new PartitionTable(copies, sessionServers.length, PARTITIONS)
  for (const name of sessionServers) made.onSessionServerUp(name)
  for (const name of webServers) made.onWebServerUp(name)
  settle(made, made.assignUnowned())
  return made
}

function settle(subject: PartitionTable, assignments: Assignments): void {
  for (const [owner, list] of assignments) {
    for (const { partition, epoch, revision } of list) {
      settle(subject, subject.onSettled(owner, { partition, epoch, revision }))
    }
  }
}

function all(assignments: Assignments): Assignment[] {
  return [...assignments.values()].flat()
}

t.test('partitions are spread evenly over web servers and session servers', async t => {
  const subject = table(2, [A, B, C], [WEB_1, WEB_2])
  t.equal(subject.ownedBy(WEB_1).length, 4)
  t.equal(subject.ownedBy(WEB_2).length, 4)
  const counts = [A, B, C].map(name => subject.syncedAt(name))
  t.equal(
    counts.reduce((sum, count) => sum + count),
    16,
  )
  t.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(' '))
  t.equal(subject.underCopied(), 0)
})

t.test(
  'after a takeover the others own the partitions evenly, each in its next epoch and not settled',
  async t => {
    const subject = table(2, [A, B], [WEB_1, WEB_2])
    const lost = subject.ownedBy(WEB_1)
    subject.onWebServerLost(WEB_1)
    t.strictSame(subject.unowned(), lost)
    const assignments = subject.assignUnowned().get(WEB_2)
    t.strictSame(
      assignments?.map(({ partition }) => partition),
      lost,
    )
    t.ok(assignments?.every(({ epoch, settled }) => epoch === 2 && !settled))
    t.equal(subject.underCopied(), lost.length)
  },
)

t.test('what nobody can own waits for the next web server', async t => {
  const subject = table(2, [A, B], [WEB_1])
  subject.onWebServerLost(WEB_1)
  t.equal(subject.assignUnowned().size, 0)
  t.notOk(subject.isServing())
  subject.onWebServerUp(WEB_2)
  t.equal(all(subject.assignUnowned()).length, 8)
  t.ok(subject.isServing())
})

t.test('a web server that joins gets its share by handover, and what was settled stays so', async t => {
  const subject = table(2, [A, B], [WEB_1])
  subject.onWebServerUp(WEB_2)
  const moves = subject.planShare(WEB_2)
  t.strictSame(
    moves.map(({ from, to, partitions }) => [from, to, partitions.length]),
    [[WEB_1, WEB_2, 4]],
  )
  const handed = moves.flatMap(move => all(subject.onReleased(move)))
  t.ok(handed.every(({ epoch, settled }) => epoch === 2 && settled))
  t.strictSame(subject.planShare(WEB_2), [])
  t.equal(subject.underCopied(), 0)
})

t.test('what is released for a web server that is gone has no owner until it is assigned', async t => {
  const subject = table(2, [A, B], [WEB_1])
  subject.onWebServerUp(WEB_2)
  const moves = subject.planShare(WEB_2)
  subject.onWebServerLost(WEB_2)
  for (const move of moves) t.equal(subject.onReleased(move).size, 0)
  t.equal(subject.unowned().length, 4)
  t.equal(all(subject.assignUnowned()).length, 4)
})

t.test('a web server that drains is given nothing, and all it owns goes to the others', async t => {
  const subject = table(2, [A, B], [WEB_1, WEB_2])
  subject.onWebServerAside(WEB_1)
  t.strictSame(subject.planShare(WEB_1), [])
  for (const move of subject.planDrain(WEB_1)) subject.onReleased(move)
  t.equal(subject.ownedBy(WEB_2).length, 8)
})

t.test('when a session server is lost another takes its place, and counts once it is settled', async t => {
  const subject = table(2, [A, B, C], [WEB_1])
  const atA = subject.syncedAt(A)
  const { assignments, lastCopyLost } = subject.onSessionServerLost(A)
  t.strictSame(lastCopyLost, [])
  t.equal(subject.underCopied(), atA)
  t.ok(all(assignments).every(({ replicas, settled }) => replicas.length === 2 && !settled))
  settle(subject, assignments)
  t.equal(subject.underCopied(), 0)
  t.equal(subject.syncedAt(B) + subject.syncedAt(C), 16)
})

t.test('where no other session server is left the partition stays settled, under-copied', async t => {
  const subject = table(2, [A, B], [WEB_1])
  const { assignments } = subject.onSessionServerLost(A)
  t.ok(all(assignments).every(({ replicas, settled }) => replicas.length === 1 && settled))
  t.equal(subject.underCopied(), 8)
  t.ok(subject.isServing())
})

t.test('a session server that comes back does not count before it is settled', async t => {
  const subject = table(2, [A, B], [WEB_1])
  subject.onSessionServerLost(A)
  const assignments = subject.onSessionServerUp(A)
  t.strictSame(all(assignments)[0]?.replicas, [synced(B), unsynced(A)])
  t.equal(subject.syncedAt(A), 0)
  settle(subject, assignments)
  t.equal(subject.syncedAt(A), 8)
  t.equal(subject.underCopied(), 0)
})

t.test('the loss of the only up-to-date copy is told', async t => {
  const subject = table(1, [A, B], [WEB_1])
  const atA = subject.syncedAt(A)
  const { lastCopyLost } = subject.onSessionServerLost(A)
  t.equal(lastCopyLost.length, atA)
  t.notOk(subject.isServing())
})

t.test(
  'a session server that joins takes its share; who leaves is told so and stays until it is settled',
  async t => {
    const subject = table(1, [A], [WEB_1])
    const assignments = subject.onSessionServerUp(B)
    t.strictSame(all(assignments)[0]?.replicas, [{ ...synced(A), retiring: true }, unsynced(B)])
    t.equal(subject.syncedAt(A), 8)
    settle(subject, assignments)
    t.equal(subject.syncedAt(A), 4)
    t.equal(subject.syncedAt(B), 4)
  },
)

t.test('who was to leave stays when its successor is lost', async t => {
  const subject = table(1, [A], [WEB_1])
  subject.onSessionServerUp(B)
  const { assignments } = subject.onSessionServerLost(B)
  t.strictSame(all(assignments)[0]?.replicas, [synced(A)])
  t.strictSame(subject.replicasOf(FIRST), [A])
})

t.test('copies of "all" follows how many session servers there are', async t => {
  const subject = table('all', [A, B], [WEB_1])
  settle(subject, subject.onSessionServerUp(C))
  t.strictSame(subject.replicasOf(FIRST).sort(), [A, B, C])
})

t.test('a report of another owner, epoch or revision settles nothing', async t => {
  const subject = table(2, [A, B], [WEB_1])
  subject.onSessionServerLost(A)
  const [assignment] = all(subject.onSessionServerUp(A))
  t.ok(assignment)
  if (assignment === undefined) return
  const { partition, epoch, revision } = assignment
  subject.onSettled(WEB_2, { partition, epoch, revision })
  subject.onSettled(WEB_1, { partition, epoch: (epoch - 1) as Epoch, revision })
  subject.onSettled(WEB_1, { partition, epoch, revision: revision - 1 })
  t.equal(subject.syncedAt(A), 0)
  subject.onSettled(WEB_1, { partition, epoch, revision })
  t.equal(subject.syncedAt(A), 1)
})

t.test(
  'a new director finds every session server that held a partition, and lets those too many go',
  async t => {
    const four = [A, B, C, 'd' as ActorName]
    const wantedPairs = [
      [A, B],
      [C, 'd'],
    ]
    for (const pair of wantedPairs) {
      const subject = new PartitionTable(2, four.length, PARTITIONS)
      // Those of the pair know epoch 7; the others have left the partition before it, or never had it.
      for (const name of four) {
        subject.onSessionServerUp(
          name,
          PARTITIONS.map(() => (pair.includes(name) ? 7 : 3) as Epoch),
        )
      }
      subject.onWebServerUp(WEB_1)
      const first = all(subject.assignUnowned())
      for (const { epoch, replicas } of first) {
        t.equal(epoch, 8)
        const upToDate = replicas.filter(({ synced }) => synced).map(({ name }) => name)
        t.strictSame(upToDate.sort(), pair)
      }
    }
    const subject = new PartitionTable(2, four.length, PARTITIONS)
    for (const name of four)
      subject.onSessionServerUp(
        name,
        PARTITIONS.map(() => 7 as Epoch),
      )
    subject.onWebServerUp(WEB_1)
    const first = subject.assignUnowned()
    t.ok(all(first).every(({ replicas }) => replicas.length === 4 && replicas.every(({ synced }) => synced)))
    settle(subject, first)
    for (const partition of PARTITIONS) t.equal(subject.replicasOf(partition).length, 2)
    t.equal(subject.underCopied(), 0)
    const counts = four.map(name => subject.syncedAt(name))
    t.ok(Math.max(...counts) - Math.min(...counts) <= 2, counts.join(' '))
  },
)

t.test('a session server that is new to a new director gets its share', async t => {
  const subject = new PartitionTable(2, 3, PARTITIONS)
  for (const name of [A, B]) {
    subject.onSessionServerUp(
      name,
      PARTITIONS.map(() => 7 as Epoch),
    )
  }
  subject.onSessionServerUp(C)
  subject.onWebServerUp(WEB_1)
  const first = subject.assignUnowned()
  t.ok(all(first).every(({ replicas }) => replicas.filter(({ synced }) => synced).length === 2))
  settle(subject, first)
  t.equal(subject.syncedAt(C), 5)
  t.equal(subject.underCopied(), 0)
})

t.test('a replica that was not there at the last change of owners is brought up to date first', async t => {
  const subject = new PartitionTable(2, 2, PARTITIONS)
  subject.onSessionServerUp(
    A,
    PARTITIONS.map(() => 5 as Epoch),
  )
  subject.onSessionServerUp(
    B,
    PARTITIONS.map(() => 4 as Epoch),
  )
  subject.onWebServerUp(WEB_1)
  for (const { replicas } of all(subject.assignUnowned())) t.strictSame(replicas, [synced(A), unsynced(B)])
})

t.test('copies are on two machines where there is a choice, also after one was lost and is back', async t => {
  const machineOf = (name: ActorName) => (name === C ? 'two' : 'one')
  const subject = new PartitionTable(2, 3, PARTITIONS, machineOf)
  for (const name of [A, B, C]) subject.onSessionServerUp(name)
  subject.onWebServerUp(WEB_1)
  settle(subject, subject.assignUnowned())
  const isOnBoth = () => PARTITIONS.every(partition => subject.replicasOf(partition).includes(C))
  t.ok(isOnBoth())
  settle(subject, subject.onSessionServerLost(C).assignments)
  t.ok(PARTITIONS.every(partition => subject.replicasOf(partition).length === 2))
  settle(subject, subject.onSessionServerUp(C))
  t.ok(isOnBoth())
  t.ok(PARTITIONS.every(partition => subject.replicasOf(partition).length === 2))
})

t.test(
  'the next owner is told who left a partition, until it has reported; whoever comes back is not named',
  async t => {
    const subject = table(2, [A, B], [WEB_1])
    const joined = all(subject.onSessionServerUp(C)).filter(({ replicas }) => replicas.length === 3)
    settle(subject, new Map([[WEB_1, joined]]))
    subject.onWebServerLost(WEB_1)
    subject.onWebServerUp(WEB_2)
    const taken = all(subject.assignUnowned()).filter(({ former }) => former !== undefined)
    t.strictSame(
      taken.map(({ partition }) => partition),
      joined.map(({ partition }) => partition),
    )
    t.ok(
      taken.every(({ former, replicas }) =>
        former?.every(({ name, epoch }) => epoch === 1 && !replicas.some(r => r.name === name)),
      ),
    )
    const [first] = taken
    if (first === undefined) return
    settle(subject, new Map([[WEB_2, [first]]]))
    subject.onWebServerLost(WEB_2)
    subject.onWebServerUp(WEB_1)
    const again = all(subject.assignUnowned())
    t.equal(again.find(({ partition }) => partition === first.partition)?.former, undefined)
    t.equal(again.filter(({ former }) => former !== undefined).length, taken.length - 1)
    const left = again.find(({ former }) => former !== undefined)?.former?.[0]?.name
    const stays = [A, B, C].find(name => name !== left) ?? A
    const refilled = all(subject.onSessionServerLost(stays).assignments)
    t.ok(
      refilled.every(({ former = [], replicas }) =>
        former.every(({ name }) => !replicas.some(r => r.name === name)),
      ),
    )
  },
)

t.test('when the last up-to-date copy is lost the owner goes on, but in another epoch', async t => {
  const subject = table(1, [A, B], [WEB_1])
  const { assignments, lastCopyLost } = subject.onSessionServerLost(A)
  const told = all(assignments)
  t.ok(told.length > 0)
  t.strictSame(
    told.map(({ partition }) => partition),
    lastCopyLost,
  )
  t.ok(told.every(({ epoch, settled }) => epoch === 2 && !settled))
  t.ok(told.every(({ continues, replicas }) => continues === true && replicas.every(({ synced }) => !synced)))

  const again = all(subject.onSessionServerUp(A)).filter(({ partition }) => lastCopyLost.includes(partition))
  t.ok(
    again.every(({ epoch, continues }) => epoch === 2 && continues),
    'told again, should that have come first',
  )

  subject.onWebServerUp(WEB_2)
  subject.onWebServerLost(WEB_1)
  const taken = all(subject.assignUnowned()).filter(({ partition }) => lastCopyLost.includes(partition))
  t.ok(taken.every(({ epoch, continues }) => epoch === 3 && continues === undefined))
})

t.test('an owner that could not go on is given the partition anew', async t => {
  const subject = table(1, [A], [WEB_1])
  subject.onSessionServerLost(A)
  t.equal(subject.onFenced(WEB_1, { partition: FIRST, epoch: 1 as Epoch }), false, 'that is over')
  t.equal(subject.onFenced(WEB_1, { partition: FIRST, epoch: 2 as Epoch }), true)
  const assigned = all(subject.assignUnowned()).find(({ partition }) => partition === FIRST)
  t.match(assigned, { epoch: 3 })
  t.equal(assigned?.continues, undefined)
})
