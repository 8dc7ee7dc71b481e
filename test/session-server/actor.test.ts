import { MessageChannel, type MessagePort } from 'node:worker_threads'
import t, { type Test } from 'tap'
import type { ActorHandle } from '../../lib/director/actors/actor-handle.js'
import { Stage, WORKER_FILES } from '../../lib/director/actors/stage.js'
import type { Mutation } from '../../lib/replication/copy.js'
import { type ActorName, type Epoch, partitionOf, type Version } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import type { SessionServerControl } from '../../lib/transport/actor-control.js'
import { BatchedPort } from '../../lib/transport/batched-port.js'
import { type LogOffered, OWNER_FORMS } from '../../lib/transport/replica-wire.js'
import { ReplicaLink } from '../../lib/web-server/replica-link.js'
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
  link: ReplicaLink
}> {
  const { port1: raw, port2 } = new MessageChannel()
  const port = new BatchedPort<FromReplica | LogOffered, ToReplica>(raw, OWNER_FORMS)
  const answers: FromReplica[] = []
  let closed = false
  const link = new ReplicaLink({ post: message => port.post(message), wake: () => port.nudge() })
  port.onmessage = answer => {
    if (answer.type === 'log') link.onOffer(answer)
    else {
      link.onAnswer(answer)
      answers.push(answer)
    }
  }
  port.onclose = () => {
    closed = true
  }
  t.teardown(() => port.close())
  await actor.control.connect(name as ActorName, port2)
  const send = (...messages: ToReplica[]): void => {
    for (const message of messages) port.post(message)
  }
  return { send, answers, raw, closed: () => closed, link }
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

t.test('a replica in memory offers a log: what is in it is held, and found by the next owner', async t => {
  const actor = await sessionServer(t)
  const old = await owner(t, actor)
  await until(() => old.link.hasLog)
  const partition = partitionOf('s1')
  old.link.send({ type: 'claim', claims: [{ partition, epoch: 1 as Epoch }] })
  for (let batch = 1; batch <= 100; batch++) {
    const written = { ...mutation('s1', `{"n":${batch}}`), version: batch as Version }
    old.link.send({ type: 'apply', batch, mutations: [written] })
  }
  t.strictSame(
    old.link.takeAnswers(),
    Array.from({ length: 100 }, (_, index) => ({ type: 'applied', batch: index + 1, fenced: [] })),
    'at once',
  )
  const next = await owner(t, actor, 'web-2')
  const { id } = mutation('s1', null)
  next.send(
    { type: 'claim', claims: [{ partition, epoch: 2 as Epoch }] },
    { type: 'read', call: 1, ids: [id] },
  )
  await until(() => next.answers.length === 1)
  t.match(next.answers, [{ copies: [{ data: '{"n":100}' }] }])
  old.link.send({ type: 'apply', batch: 101, mutations: [mutation('s1', '{"n":101}')] })
  t.strictSame(old.link.takeAnswers(), [], 'not held once another owns the partition')
  await until(() => old.answers.length === 1)
  t.strictSame(old.answers, [{ type: 'applied', batch: 101, fenced: [{ partition, epoch: 2 }] }])
})

t.test('a log of which nothing is asked is emptied again and again', async t => {
  const actor = await sessionServer(t)
  const { link } = await owner(t, actor)
  await until(() => link.hasLog)
  for (const [round, count] of [1, 2, 3].entries()) {
    const mutations = Array.from({ length: count }, (_, index) => mutation(`s${round}-${index}`, '{}'))
    link.send({ type: 'apply', batch: round, mutations })
    // What stats() takes out by itself it would take out only once.
    await until(async () => (await actor.control.stats()).sessions === ((round + 1) * (round + 2)) / 2)
  }
  let batch = 3
  const data = 'x'.repeat(60_000)
  const append = (): boolean => {
    link.send({
      type: 'apply',
      batch: batch++,
      mutations: [{ ...mutation('s', data), version: batch as Version }],
    })
    return link.takeAnswers().length === 1
  }
  while (append());
  await until(append)
  t.pass('a full log has room again')
})

t.test('what an owner has left in its log is held when it goes, and when it is cut off', async t => {
  const actor = await sessionServer(t)
  for (const [name, leave] of [
    ['web-1', async ({ raw }: { raw: MessagePort }) => raw.close()],
    ['web-2', () => actor.control.disconnect('web-2' as ActorName)],
  ] as const) {
    const leaving = await owner(t, actor, name)
    await until(() => leaving.link.hasLog)
    leaving.link.send({ type: 'apply', batch: 1, mutations: [mutation(`of ${name}`, '{}')] })
    t.equal(leaving.link.takeAnswers().length, 1)
    await leave(leaving)
    const next = await owner(t, actor, 'web-3')
    next.send({ type: 'read', call: 1, ids: [mutation(`of ${name}`, null).id] })
    await until(() => next.answers.length === 1)
    t.match(next.answers, [{ copies: [{ data: '{}' }] }])
    leaving.link.send({ type: 'apply', batch: 2, mutations: [mutation('too late', '{}')] })
    if (name === 'web-2') t.strictSame(leaving.link.takeAnswers(), [], 'a closed log holds nothing')
  }
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
