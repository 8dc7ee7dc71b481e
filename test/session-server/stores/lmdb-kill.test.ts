import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { ALL_PARTITIONS } from '../../../lib/replication/ids.js'
import { openLmdbStore } from '../../../lib/session-server/stores/lmdb.js'
import { firstLost } from './lmdb-batches.js'
import { LmdbChild } from './lmdb-child.js'

const ROUNDS = 8

t.test('everything acknowledged before a kill -9 in the middle of batches is there afterwards', async t => {
  const path = t.testdir()
  let last = 0
  for (let round = 0; round < ROUNDS; round++) {
    const child = new LmdbChild(path, last + 1)
    await child.says(said => said.length > 20)
    await wait(Math.random() * 50)
    await child.kill()
    t.ok(child.acknowledged > last)
    last = child.acknowledged
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
})
