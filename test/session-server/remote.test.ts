/** The gateway and the service together do what a session server of this process does. */
import t from 'tap'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { LocalSessionServer } from '../../lib/session-server/local-session-server.js'
import { DEFAULT_LIMITS } from '../../lib/session-server/service/limits.js'
import { MemoryStore } from '../../lib/session-server/stores/memory.js'
import { until } from '../support/until.js'
import { gateway, memoryServer, service } from './remote-harness.js'
import { applyOf, mutationOf, readOf, sessionServerTests, TestOwner } from './session-server-tests.js'

t.test('in this process', async t => sessionServerTests(t, async t => memoryServer(t)))
t.test('over HTTP', async t => sessionServerTests(t, async t => gateway(t, (await service(t)).url)))

t.test('order holds over many parts under way at once, also when answers come late', async t => {
  const late = new LateAnswers()
  const { url } = await service(t, { servers: new Map([['a', late]]) })
  t.teardown(() => late.close())
  const owner = new TestOwner(await gateway(t, url))
  const count = 400
  for (let batch = 0; batch < count; batch++) {
    owner.send(
      batch % 2 === 0 ? applyOf(batch, mutationOf(`s${batch}`, `${batch}`)) : readOf(batch, `s${batch - 1}`),
    )
    // Some ticks of their own, so that there are many parts, of one message and of several.
    if (batch % 3 === 0) await new Promise(resolve => setImmediate(resolve))
  }
  const numbers = (await owner.answered(count)).map(answer =>
    answer.type === 'applied' ? answer.batch : answer.call,
  )
  t.strictSame(
    numbers,
    Array.from({ length: count }, (_, index) => index),
  )
  for (const answer of owner.answers) {
    if (answer.type === 'found' && answer.copies[0]?.data !== `${answer.call - 1}`)
      t.fail('a read overtook a write')
  }
})

t.test('answers of a later part wait for those of an earlier one', async t => {
  const late = new LateFirstAnswer()
  t.teardown(() => late.close())
  const { url, stats } = await service(t, { servers: new Map([['a', late]]) })
  const owner = new TestOwner(await gateway(t, url))
  for (const call of [1, 2, 3]) {
    owner.send(readOf(call))
    await until(() => stats().messages === call)
  }
  t.strictSame(
    (await owner.answered(3)).map(answer => answer.type === 'found' && answer.call),
    [1, 2, 3],
  )
})

t.test('a session that the far side can not take is an error of the gateway, not a silence', async t => {
  const { url } = await service(t, { limits: { ...DEFAULT_LIMITS, bodyBytes: 10_000 } })
  const server = await gateway(t, url)
  const owner = new TestOwner(server)
  owner.send(applyOf(1, mutationOf('s1', 'x'.repeat(9_000))))
  await owner.answered(1)
  owner.send(applyOf(2, mutationOf('s2', 'x'.repeat(10_001))))
  t.match(await server.failed, { code: 'REMOTE_MESSAGE_TOO_LARGE' })
  t.equal(owner.answers.length, 1)
})

t.test('a closing gateway waits for the answers to what it was given, and ends its stream', async t => {
  const { url, stats } = await service(t)
  const server = await gateway(t, url)
  const owner = new TestOwner(server)
  for (let batch = 0; batch < 50; batch++) owner.send(applyOf(batch, mutationOf(`s${batch}`)))
  await server.close()
  t.equal(owner.answers.length, 50)
  t.equal(stats().streams, 0)
  owner.send(applyOf(50, mutationOf('late')))
  await server.close()
  t.equal(owner.answers.length, 50)
})

/** A session server whose first answer comes after all the others. */
class LateFirstAnswer extends LocalSessionServer {
  #received = 0

  constructor() {
    super(new MemoryStore())
  }

  override receive(message: ToReplica, answer: (answer: FromReplica) => void): void {
    const delayMs = this.#received++ === 0 ? 200 : 0
    super.receive(message, from => setTimeout(() => answer(from), delayMs))
  }
}

/** A session server whose answers come a while after its messages, as those of a disk do, in order. */
class LateAnswers extends LocalSessionServer {
  #last = Promise.resolve()

  constructor() {
    super(new MemoryStore())
  }

  override receive(message: ToReplica, answer: (answer: FromReplica) => void): void {
    super.receive(message, from => {
      this.#last = this.#last.then(async () => {
        await new Promise(resolve => setImmediate(resolve))
        answer(from)
      })
    })
  }
}
