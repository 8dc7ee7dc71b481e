import t from 'tap'
import { type Partition, partitionOf } from '../../../lib/replication/ids.js'
import { SessionIds } from '../../../lib/web-server/sessions/session-id.js'

t.test('ids are 24 random bytes as base64url, all different, all of owned partitions', async t => {
  const ids = new SessionIds()
  const owns = (partition: Partition) => partition % 4 === 1
  const drawn = Array.from({ length: 500 }, () => ids.next(owns))
  t.equal(new Set(drawn).size, 500)
  for (const id of drawn) {
    t.match(id, /^[\w-]{32}$/)
    t.equal(partitionOf(id) % 4, 1)
  }
})

t.test('an id of the only owned partition is found', async t => {
  t.equal(partitionOf(new SessionIds().next(partition => partition === 77)), 77)
})

t.test('a web server that owns nothing says so after a bounded search', async t => {
  let fills = 0
  const ids = new SessionIds(pool => {
    fills++
    pool.fill(fills)
  })
  t.throws(() => ids.next(() => false), { code: 'SESSION_ID_EXHAUSTED' })
  t.ok(fills <= 256)
})
