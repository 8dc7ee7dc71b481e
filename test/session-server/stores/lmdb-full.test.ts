import t from 'tap'
import type { FromReplica } from '../../../lib/replication/messages.js'
import { DurableSessionServer } from '../../../lib/session-server/durable-session-server.js'
import { openLmdbStore } from '../../../lib/session-server/stores/lmdb.js'
import { SmallDisk } from '../../support/mounts.js'
import { until } from '../../support/until.js'
import { batchOf, firstLost } from './lmdb-batches.js'
import { LmdbChild } from './lmdb-child.js'

t.test(
  'a full disk: the session server fails, what it acknowledged is there, and it goes on with more room',
  async t => {
    const disk = SmallDisk.mount(t, '1536k')
    if (disk === null) {
      t.plan(0, 'this user may not mount')
      return
    }
    const { path } = disk
    const server = new DurableSessionServer(await openLmdbStore(path, 'a'))
    let failure: Error | null = null
    void server.failed.then(error => {
      failure = error
    })
    const answers: FromReplica[] = []
    for (let batch = 1; failure === null; batch++) {
      server.receive(batchOf(batch), answer => answers.push(answer))
      await until(() => answers.length === batch || failure !== null)
    }
    t.match(failure, { code: 'STORE_FULL' })
    server.receive({ type: 'read', call: 1, ids: [] }, answer => answers.push(answer))
    t.equal(
      answers.every(({ type }) => type === 'applied'),
      true,
      'nothing is answered after that',
    )
    t.ok(answers.length > 1)
    t.comment(`${answers.length} batches acknowledged before the disk was full`)

    await t.rejects(openLmdbStore(path, 'a'), { code: 'STORE_FULL' })
    disk.remount('size=16m')
    const store = await openLmdbStore(path, 'a')
    t.equal(firstLost(store, answers.length), null)
    await store.close()
  },
)

t.test('a file that may not grow: the session server fails, and what it acknowledged is there', async t => {
  const path = t.testdir()
  // In blocks of 512 bytes, or of 1024 in some shells.
  const child = new LmdbChild(path, [1], ['sh', '-c', 'ulimit -f 1500; exec "$0" "$@"'])
  await child.ended()
  // LMDB tells a file that may not grow from a disk with errors no more than this.
  t.match(child.said.at(-1), /^STORE_(FULL|FAILED)$/)
  t.ok(child.acknowledged > 1)
  const store = await openLmdbStore(path, 'a')
  t.equal(firstLost(store, child.acknowledged), null)
  await store.close()
})
