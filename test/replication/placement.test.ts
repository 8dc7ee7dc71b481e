import t from 'tap'
import type { ActorName, Partition } from '../../lib/replication/ids.js'
import { chooseRelieved, chooseReplica, spreadEvenly } from '../../lib/replication/placement.js'
import { A, B, C, WEB_1, WEB_2 } from './samples.js'

const NOBODY: ActorName | null = null
/** Every session server has a machine of its own. */
const apart = (name: ActorName): string => name
/** A and B share one. */
const abTogether = (name: ActorName): string => (name === C ? 'two' : 'one')

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
  t.equal(chooseReplica(row, new Set([A, B, C]), loads, apart), C)
  t.equal(chooseReplica(row, new Set([A]), loads, apart), null)
})

t.test('ties turn with the partition, so that all pairs of session servers share partitions', async t => {
  const chosen = [0, 1, 2].map(partition =>
    chooseReplica({ partition: partition as Partition, replicas: [] }, new Set([A, B, C]), new Map(), apart),
  )
  t.strictSame(chosen, [A, B, C])
})

t.test('a replica is on a machine where none is when there is a choice, whatever the loads', async t => {
  const row = { partition: 0 as Partition, replicas: [{ name: A }] }
  const loads = new Map([
    [B, 0],
    [C, 1000],
  ])
  t.equal(chooseReplica(row, new Set([A, B, C]), loads, abTogether), C)
  t.equal(chooseReplica(row, new Set([A, B]), loads, abTogether), B, 'there is no choice')
})

t.test('who comes relieves a replica that shares its machine with another, whatever the loads', async t => {
  const row = { partition: 0 as Partition, replicas: [{ name: A }, { name: B }] }
  const loads = new Map([
    [A, 4],
    [B, 5],
    [C, 1000],
  ])
  t.equal(chooseRelieved(row, C, loads, 500, abTogether), B)
  t.equal(chooseRelieved(row, C, loads, 500, apart), null, 'it has more than its share already')
})

t.test('who comes relieves who holds most, unless two copies were on one machine then', async t => {
  const row = { partition: 0 as Partition, replicas: [{ name: B }, { name: C }] }
  const loads = new Map([
    [A, 0],
    [B, 600],
    [C, 1000],
  ])
  t.equal(chooseRelieved(row, A, loads, 500, apart), C)
  t.equal(chooseRelieved(row, A, loads, 500, abTogether), B)
  t.equal(chooseRelieved(row, A, loads, 700, abTogether), null)
})
