import t from 'tap'
import type { SessionCopy } from '../../../lib/replication/copy.js'
import {
  type Epoch,
  type Partition,
  partitionOf,
  type SessionId,
  type Version,
} from '../../../lib/replication/ids.js'
import { cachedBytes, SessionCache } from '../../../lib/web-server/sessions/session-cache.js'
import { SessionEntry } from '../../../lib/web-server/sessions/session-entry.js'

function copy(name: string, parts: Partial<SessionCopy> = {}): SessionCopy {
  return {
    id: name as SessionId,
    epoch: 1 as Epoch,
    version: 1 as Version,
    expires: 1000,
    data: '{"a":1}',
    ...parts,
  }
}

function stored(cache: SessionCache, name: string, parts: Partial<SessionCopy> = {}): SessionEntry {
  const entry = new SessionEntry(copy(name, parts))
  cache.store(entry)
  return entry
}

/** Room for three small sessions, and an eighth for what is in use. */
const SMALL_BYTES = 4 * cachedBytes(copy('a'))
const small = () => new SessionCache({ maxBytes: SMALL_BYTES })

t.test('the least recently used session makes room', async t => {
  const cache = small()
  const a = stored(cache, 'a')
  stored(cache, 'b')
  stored(cache, 'c')
  cache.find('a' as SessionId)
  stored(cache, 'd')
  t.equal(cache.get('b' as SessionId), undefined)
  t.ok(cache.has(a))
  t.equal(cache.count, 3)
  t.ok(cache.bytes <= SMALL_BYTES)
})

t.test('a session in use is never evicted, and is evictable again afterwards', async t => {
  const cache = small()
  const a = stored(cache, 'a')
  cache.acquire(a)
  for (const name of ['b', 'c', 'd', 'e', 'f']) stored(cache, name)
  t.equal(cache.find('a' as SessionId), a)
  t.equal(cache.count, 4, 'held beyond the bound')
  cache.release(a)
  t.ok(cache.has(a), 'the most recently used now')
  t.ok(cache.bytes <= SMALL_BYTES)
  for (const name of ['g', 'h', 'i']) stored(cache, name)
  t.notOk(cache.has(a))
  t.ok(a.detached)
})

t.test('a session that some replica lacks is never evicted, and goes when it is acknowledged', async t => {
  const cache = small()
  const a = stored(cache, 'a')
  a.commit('{"a":2}', 1 as Epoch, 1000)
  cache.store(a)
  for (const name of ['b', 'c', 'd', 'e']) stored(cache, name)
  t.equal(cache.get('a' as SessionId)?.data, '{"a":2}')
  t.same([...cache.inPartition(partitionOf('a'))].length, 1)
  cache.acknowledged('a' as SessionId)
  t.equal(cache.get('a' as SessionId), undefined)
  t.same([...cache.inPartition(partitionOf('a'))], [])
})

t.test('a session that grows is counted with its new size', async t => {
  const cache = new SessionCache({ maxBytes: 10_000 })
  const a = stored(cache, 'a')
  const before = cache.bytes
  a.commit(`{"a":"${'x'.repeat(1000)}"}`, 1 as Epoch, 1000)
  cache.store(a)
  t.ok(cache.bytes >= before + 1000)
})

t.test('a session larger than the whole cache is held while it is in use', async t => {
  const cache = small()
  const entry = new SessionEntry(copy('big', { data: `{"a":"${'x'.repeat(5000)}"}` }))
  cache.acquire(entry)
  cache.store(entry)
  t.equal(cache.find('big' as SessionId), entry)
  cache.release(entry)
  t.equal(cache.find('big' as SessionId), undefined)
  t.equal(cache.count, 0)
})

t.test('a tombstone stays until every replica has it', async t => {
  const cache = small()
  const a = stored(cache, 'a')
  a.destroyed = true
  a.commit(null, 1 as Epoch, 1000)
  cache.store(a)
  for (const name of ['b', 'c', 'd', 'e']) stored(cache, name)
  t.match(cache.get('a' as SessionId), { data: null, version: 2 })
  cache.acknowledged('a' as SessionId)
  t.equal(cache.get('a' as SessionId), undefined)
})

t.test('expired sessions are swept in rounds; those in use or not acknowledged stay', async t => {
  const cache = new SessionCache({ maxBytes: 1_000_000 })
  for (let i = 0; i < 100; i++) stored(cache, `old-${i}`, { expires: 10 })
  const used = stored(cache, 'used', { expires: 10 })
  cache.acquire(used)
  const owed = stored(cache, 'owed', { expires: 10 })
  owed.pending = true
  stored(cache, 'young', { expires: 30 })
  for (let call = 0; call < 64; call++) cache.sweep(20)
  t.equal(cache.count, 3)
  t.ok(cache.get('young' as SessionId))
})

t.test('a dropped partition is forgotten, and requests that use its sessions are cut loose', async t => {
  const cache = small()
  const a = stored(cache, 'a')
  cache.acquire(a)
  cache.drop(partitionOf('a'))
  t.equal(cache.get('a' as SessionId), undefined)
  t.ok(a.detached)
  const again = stored(cache, 'a', { version: 9 as Version })
  cache.release(a)
  t.ok(cache.has(again), 'the late release of the old entry does not touch the new one')
})

t.test(
  'warming takes what is new, while there is room, and never replaces what is newer or in use',
  async t => {
    const cache = small()
    t.equal(cache.warm(copy('a', { version: 3 as Version })), true)
    t.equal(cache.warm(copy('a', { version: 2 as Version })), true)
    t.equal(cache.get('a' as SessionId)?.version, 3)
    cache.warm(copy('a', { version: 4 as Version }))
    t.equal(cache.get('a' as SessionId)?.version, 4)
    const entry = cache.find('a' as SessionId)
    if (entry === undefined) throw new Error('gone')
    cache.acquire(entry)
    cache.warm(copy('a', { version: 5 as Version }))
    t.equal(cache.get('a' as SessionId)?.version, 4)
    cache.warm(copy('b'))
    cache.warm(copy('c'))
    t.equal(cache.warm(copy('d')), false, 'full')
    t.equal(cache.get('d' as SessionId), undefined)
    t.equal(cache.warm(copy('gone', { data: null })), true)
    t.equal(cache.get('gone' as SessionId), undefined)
  },
)

t.test('characters that take two bytes in memory are counted with two', async t => {
  const [narrow, wide] = ['\u00e9', '\u20ac'].map(char => cachedBytes(copy('a', { data: char.repeat(1000) })))
  t.equal((wide ?? 0) - (narrow ?? 0), 1000)
})

/** As a request does. */
function use(cache: SessionCache, entry: SessionEntry): object {
  cache.acquire(entry)
  const { data } = entry
  cache.release(entry)
  return data
}

t.test(
  'a session in use is parsed once; one that nobody uses for a round of sweeps is kept as text',
  async t => {
    const cache = new SessionCache({ maxBytes: 1_000_000 })
    const [idle, busy] = [stored(cache, 'idle'), stored(cache, 'busy')]
    const idleBytes = cache.bytes
    const [idleData, busyData] = [use(cache, idle), use(cache, busy)]
    t.ok(cache.bytes > idleBytes, 'what was parsed is counted')
    for (let round = 0; round < 3; round++) {
      t.equal(use(cache, busy), busyData)
      for (let call = 0; call < 64; call++) cache.sweep(0)
    }
    t.equal(busy.data, busyData)
    t.not(idle.data, idleData, 'parsed anew')
    t.same(idle.data, { a: 1 })
  },
)

t.test('what a request still has, or has not committed, is not given up by a sweep', async t => {
  const cache = new SessionCache({ maxBytes: 1_000_000 })
  const [used, dirty] = [stored(cache, 'used'), stored(cache, 'dirty')]
  cache.acquire(used)
  const { data } = used
  use(cache, dirty)
  dirty.data.a = 2
  dirty.dirty = true
  cache.store(dirty)
  for (let call = 0; call < 200; call++) cache.sweep(0)
  t.equal(used.data, data)
  t.same(dirty.data, { a: 2 })
})

t.test('what was parsed of sessions is bounded together with their text', async t => {
  const cache = new SessionCache({ maxBytes: 100_000 })
  const entries = Array.from({ length: 1_000 }, (_, index) => stored(cache, `s${index}`))
  for (const entry of entries) if (cache.has(entry)) use(cache, entry)
  t.ok(cache.bytes <= 100_000)
  t.ok(cache.count > 150, 'for the sake of what is parsed no session is evicted')
})

t.test('the sessions of a partition are listed with their committed state', async t => {
  const cache = new SessionCache({ maxBytes: 100_000 })
  const a = stored(cache, 'a')
  a.data.a = 'not committed'
  t.same([...cache.inPartition(partitionOf('a'))], [copy('a')])
  t.same([...cache.inPartition(((partitionOf('a') + 1) % 1024) as Partition)], [])
})
