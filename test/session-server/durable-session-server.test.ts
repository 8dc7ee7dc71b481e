import t, { type Test } from 'tap'
import { DurableSessionServer } from '../../lib/session-server/durable-session-server.js'
import type { DurableStore } from '../../lib/session-server/stores/durable-store.js'
import { openLmdbStore } from '../../lib/session-server/stores/lmdb.js'
import { applyOf, mutationOf, readOf, sessionServerTests, TestOwner } from './session-server-tests.js'

async function open(t: Test): Promise<{ server: DurableSessionServer; store: DurableStore }> {
  const store = await openLmdbStore(t.testdir(), 'a')
  const server = new DurableSessionServer(store)
  t.teardown(() => server.close())
  return { server, store }
}

t.test('lmdb', async t => sessionServerTests(t, async t => (await open(t)).server))

t.test('messages of one turn, and those that come during a commit, go into one commit each', async t => {
  const { server, store } = await open(t)
  let commits = 0
  const commit = store.commit.bind(store)
  const owner = new TestOwner(server)
  store.commit = async () => {
    commits++
    if (commits === 1)
      for (let batch = 4; batch <= 9; batch++) owner.send(applyOf(batch, mutationOf(`s${batch}`)))
    await commit()
  }
  for (let batch = 1; batch <= 3; batch++) owner.send(applyOf(batch, mutationOf(`s${batch}`)))
  await owner.answered(9)
  t.equal(commits, 2)
})

t.test('nothing is answered before it is on disk, and a read that follows a change sees it', async t => {
  const { server, store } = await open(t)
  const answersAtCommit: number[] = []
  const commit = store.commit.bind(store)
  const owner = new TestOwner(server)
  store.commit = async () => {
    answersAtCommit.push(owner.answers.length)
    await commit()
  }
  owner.send(applyOf(1, mutationOf('s1', '{"a":1}')), readOf(2, 's1'))
  const [applied, found] = await owner.answered(2)
  t.match(applied, { type: 'applied', batch: 1 })
  t.match(found, { type: 'found', copies: [{ data: '{"a":1}' }] })
  t.strictSame(answersAtCommit, [0])
})

t.test('what is sent on hearing an answer is committed at once, not at the next sweep', async t => {
  const { server, store } = await open(t)
  let sweeps = 0
  const expired = store.expired.bind(store)
  store.expired = now => {
    sweeps++
    return expired(now)
  }
  const batches = 40
  for (let batch = 1; batch <= batches; batch++) {
    const mutation = mutationOf('s1', '{}', { version: batch })
    await new Promise(answer => server.receive(applyOf(batch, mutation), answer))
  }
  t.ok(sweeps < batches / 2)
})

t.test('a session server that is closed in the middle of a commit answers first', async t => {
  const { server } = await open(t)
  const owner = new TestOwner(server)
  owner.send(applyOf(1, mutationOf('s1')))
  await server.close()
  t.match(owner.answers, [{ type: 'applied', batch: 1 }])
  owner.send(applyOf(2, mutationOf('s1', '{}', { version: 2 })))
  t.equal(owner.answers.length, 1)
})
