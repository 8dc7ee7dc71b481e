import { MessageChannel, type MessagePort } from 'node:worker_threads'
import t, { type Test } from 'tap'
import type { ActorHandle } from '../../lib/director/actors/actor-handle.js'
import { Stage, WORKER_FILES } from '../../lib/director/actors/stage.js'
import type { Mutation } from '../../lib/replication/copy.js'
import { type ActorName, type Epoch, partitionOf } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import type { SessionServerControl } from '../../lib/transport/actor-control.js'
import { BatchedPort } from '../../lib/transport/batched-port.js'
import { OWNER_FORMS } from '../../lib/transport/replica-wire.js'
import { until } from '../support/until.js'
import { copyOf } from './copy-store-tests.js'

/** A session server on its own thread. */
async function sessionServer(t: Test): Promise<ActorHandle<SessionServerControl>> {
  const stage = new Stage(WORKER_FILES)
  t.teardown(() => stage.destroy())
  const actor = stage.spawn({ role: 'session-server', name: 'a' })
  await actor.control.start({ name: 'a' as ActorName, backend: { kind: 'memory' } })
  return actor
}

/** A connected owner: what it sends, and the answers it got. */
async function owner(
  t: Test,
  actor: ActorHandle<SessionServerControl>,
  name = 'web-1',
): Promise<{
  send(...messages: ToReplica[]): void
  answers: FromReplica[]
  raw: MessagePort
  closed(): boolean
}> {
  const { port1: raw, port2 } = new MessageChannel()
  const port = new BatchedPort<FromReplica, ToReplica>(raw, OWNER_FORMS)
  const answers: FromReplica[] = []
  let closed = false
  port.onmessage = answer => answers.push(answer)
  port.onclose = () => {
    closed = true
  }
  t.teardown(() => port.close())
  await actor.control.connect(name as ActorName, port2)
  const send = (...messages: ToReplica[]): void => {
    for (const message of messages) port.post(message)
  }
  return { send, answers, raw, closed: () => closed }
}

function mutation(id: string, data: string | null, epoch = 1, expires = 1e15): Mutation {
  const authority = epoch as Epoch
  return { ...copyOf(id, data), epoch: authority, expires, partition: partitionOf(id), authority }
}

t.test('what one owner has applied, another reads', async t => {
  const actor = await sessionServer(t)
  const first = await owner(t, actor)
  first.send({ type: 'apply', batch: 1, mutations: [mutation('s1', '{"cart":[1]}')] })
  await until(() => first.answers.length === 1)
  t.strictSame(first.answers, [{ type: 'applied', batch: 1, fenced: [] }])
  const second = await owner(t, actor, 'web-2')
  const { id } = mutation('s1', null)
  second.send({ type: 'read', call: 7, ids: [id, mutation('s2', null).id] })
  await until(() => second.answers.length === 1)
  t.match(second.answers, [{ type: 'found', call: 7, copies: [{ id, data: '{"cart":[1]}' }, null] }])
  t.match(await actor.control.stats(), { partitions: 1, sessions: 1, tombstones: 0, bytes: 12 })
})

t.test('messages of one owner are answered in the order in which they were sent', async t => {
  const actor = await sessionServer(t)
  const { send, answers } = await owner(t, actor)
  const batches = Array.from({ length: 500 }, (_, batch) => batch)
  for (const batch of batches) send({ type: 'apply', batch, mutations: [mutation(`s${batch}`, '{}')] })
  await until(() => answers.length === batches.length)
  t.strictSame(
    answers.map(answer => answer.type === 'applied' && answer.batch),
    batches,
  )
})

t.test('an owner of an older epoch is refused, and told so', async t => {
  const actor = await sessionServer(t)
  const old = await owner(t, actor)
  const now = await owner(t, actor, 'web-2')
  const partition = partitionOf('s1')
  now.send(
    { type: 'claim', claims: [{ partition, epoch: 2 as Epoch }] },
    { type: 'list', call: 1, partition },
  )
  await until(() => now.answers.length === 1)
  old.send({ type: 'apply', batch: 1, mutations: [mutation('s1', '{}', 1)] })
  await until(() => old.answers.length === 1)
  t.strictSame(old.answers, [{ type: 'applied', batch: 1, fenced: [{ partition, epoch: 2 }] }])
})

/** The first value of a message: see replica-wire.ts. */
const AS_OBJECT = 0
const APPLY = 1

t.test('malformed messages are dropped, and the session server lives on', async t => {
  const actor = await sessionServer(t)
  const { send, answers, raw } = await owner(t, actor)
  for (const garbage of [null, 7, { type: 'nonsense' }, { type: 'apply', batch: 1, mutations: [{}] }]) {
    raw.postMessage([AS_OBJECT, garbage])
  }
  raw.postMessage([AS_OBJECT, { type: 'list' }])
  raw.postMessage([APPLY, 1, 1_000_000_000, 'an id and nothing else'])
  raw.postMessage([APPLY])
  raw.postMessage('no batch')
  send({ type: 'read', call: 1, ids: [] })
  await until(() => answers.length === 1)
  t.strictSame(answers, [{ type: 'found', call: 1, copies: [] }])
})

t.test('a new connection of an owner replaces its old one', async t => {
  const actor = await sessionServer(t)
  const old = await owner(t, actor)
  const next = await owner(t, actor)
  await until(() => old.closed())
  next.send({ type: 'read', call: 1, ids: [] })
  await until(() => next.answers.length === 1)
  t.strictSame(old.answers, [])
  await actor.control.disconnect('web-1' as ActorName)
  await until(() => next.closed())
})

t.test('expired copies are swept away without being asked for', async t => {
  const actor = await sessionServer(t)
  const { send } = await owner(t, actor)
  const ids = Array.from({ length: 200 }, (_, index) => `s${index}`)
  send({ type: 'apply', batch: 1, mutations: ids.map(id => mutation(id, '{}', 1, Date.now() - 1)) })
  await until(async () => {
    const { sessions } = await actor.control.stats()
    return sessions > 0 && sessions < ids.length
  })
  t.pass()
})

t.test('a session server that was not started, or twice, says so with a code', async t => {
  const stage = new Stage(WORKER_FILES)
  t.teardown(() => stage.destroy())
  const actor = stage.spawn({ role: 'session-server', name: 'a' })
  await t.rejects(actor.control.stats(), { code: 'SESSION_SERVER_STATE' })
  await actor.control.start({ name: 'a' as ActorName, backend: { kind: 'memory' } })
  await t.rejects(actor.control.start({ name: 'a' as ActorName, backend: { kind: 'memory' } }), {
    code: 'SESSION_SERVER_STATE',
  })
})

t.test('a stopped session server sends its last answers, closes its ports and ends', async t => {
  const actor = await sessionServer(t)
  const { send, answers, closed } = await owner(t, actor)
  send({ type: 'apply', batch: 1, mutations: [mutation('s1', '{}')] })
  await until(() => answers.length === 1)
  await actor.control.stop()
  t.strictSame(await actor.ended, { how: 'stopped' })
  await until(closed)
})
