import t from 'tap'
import type { ActorName, Partition } from '../../lib/replication/ids.js'
import { chooseReplica, spreadEvenly } from '../../lib/replication/placement.js'
import { A, B, C, WEB_1, WEB_2 } from './samples.js'

const NOBODY: ActorName | null = null

t.test('rows go to whoever owns the fewest, those it owns already counted', async t => {
  const owned = [{ owner: WEB_1 }, { owner: WEB_1 }]
  const rows = [{ owner: NOBODY }, { owner: NOBODY }, { owner: NOBODY }, { owner: NOBODY }]
  const pairs = spreadEvenly(rows, [WEB_1, WEB_2], [...owned, ...rows])
  t.equal(pairs.filter(([, owner]) => owner === WEB_2).length, 3)
  t.equal(pairs.filter(([, owner]) => owner === WEB_1).length, 1)
})

t.test('without a receiver nothing is spread', async t => {
  t.strictSame(spreadEvenly([{ owner: NOBODY }], [], []), [])
})

t.test('a replica is chosen among those that are not one already, the least loaded first', async t => {
  const row = { partition: 0 as Partition, replicas: [{ name: A }] }
  const loads = new Map([
    [A, 0],
    [B, 5],
    [C, 4],
  ])
  t.equal(chooseReplica(row, new Set([A, B, C]), loads), C)
  t.equal(chooseReplica(row, new Set([A]), loads), null)
})

t.test('ties turn with the partition, so that all pairs of session servers share partitions', async t => {
  const chosen = [0, 1, 2].map(partition =>
    chooseReplica({ partition: partition as Partition, replicas: [] }, new Set([A, B, C]), new Map()),
  )
  t.strictSame(chosen, [A, B, C])
})
