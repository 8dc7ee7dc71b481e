import { setTimeout as wait } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { ALL_PARTITIONS } from '../../../lib/replication/ids.js'
import { openLmdbStore } from '../../../lib/session-server/stores/lmdb.js'
import { firstLost } from './lmdb-batches.js'
import { LmdbChild } from './lmdb-child.js'

const ROUNDS = 5

/** @param run lets a process write, from a batch on, until it is killed */
async function killedAgainAndAgain(
  t: Test,
  run: (path: string, first: number) => Promise<LmdbChild>,
): Promise<void> {
  const path = t.testdir()
  let last = 0
  for (let round = 0; round < ROUNDS; round++) {
    const { acknowledged } = await run(path, last + 1)
    t.ok(acknowledged > last)
    last = acknowledged
    const store = await openLmdbStore(path, 'a')
    t.equal(firstLost(store, last), null)
    const counted = ALL_PARTITIONS.reduce(
      (sum, partition) => sum + [...store.inPartition(partition)].length,
      0,
    )
    t.equal(store.stats().sessions, counted)
    await store.close()
  }
  t.comment(`${ROUNDS} kills, ${last} batches acknowledged`)
}

t.test('everything acknowledged before a kill -9 in the middle of batches is there afterwards', t =>
  killedAgainAndAgain(t, async (path, first) => {
    const child = new LmdbChild(path, [first])
    await child.says(said => said.length > 20)
    await wait(Math.random() * 50)
    await child.kill()
    return child
  }),
)

t.test('everything acknowledged before a kill -9 in the middle of a compaction is there afterwards', t =>
  killedAgainAndAgain(t, async (path, first) => {
    // So many that the compaction takes several transactions.
    const child = new LmdbChild(path, [first, 50])
    await child.ended()
    return child
  }),
)
