import t from 'tap'
import { compareStamps } from '../../lib/replication/copy.js'
import { ALL_PARTITIONS, PARTITION_COUNT, partitionOf } from '../../lib/replication/ids.js'
import { copyOf, X } from './samples.js'

t.test(
  'the partition of a session is the crc32 of its id, modulo 1024, on every host and for ever',
  async t => {
    t.equal(partitionOf('123456789'), 0xcbf43926 % 1024)
    t.equal(partitionOf(''), 0)
  },
)

t.test('there are 1024 partitions, each listed once', async t => {
  t.equal(PARTITION_COUNT, 1024)
  t.equal(new Set(ALL_PARTITIONS).size, 1024)
})

t.test(
  'of two copies the one of the later epoch is newer, and within an epoch the one of the higher version',
  async t => {
    t.ok(compareStamps(copyOf(X, 2, 1), copyOf(X, 1, 9)) > 0)
    t.ok(compareStamps(copyOf(X, 1, 8), copyOf(X, 1, 9)) < 0)
    t.equal(compareStamps(copyOf(X, 1, 9), copyOf(X, 1, 9)), 0)
  },
)
