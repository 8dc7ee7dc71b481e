import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import t, { type Test } from 'tap'
import type { ActorHandle } from '../../../lib/director/actors/actor-handle.js'
import { Stage, WORKER_FILES } from '../../../lib/director/actors/stage.js'
import { type FaultRoles, type FaultyControl, faultStage } from '../../support/faults/faults.js'

type Faulty = ActorHandle<FaultyControl>

/** Far above any test's length: what is awaited here must come by itself, not by a deadline. */
const NEVER_MS = 3_600_000

function makeStage(t: Test): Stage<FaultRoles> {
  const stage = faultStage()
  t.teardown(() => stage.destroy())
  return stage
}

/** A running actor that can be told to fail. */
async function faulty(t: Test, heapMb?: number): Promise<Faulty> {
  const resourceLimits = heapMb === undefined ? {} : { resourceLimits: { maxOldGenerationSizeMb: heapMb } }
  const actor = makeStage(t).spawn({ role: 'faulty', name: 'web-1', ...resourceLimits })
  t.equal(await actor.control.within(NEVER_MS).echo('up'), 'up')
  return actor
}

t.test('an actor answers, is stopped, and its thread is gone', async t => {
  const actor = await faulty(t)
  t.strictSame(await actor.control.echo({ a: [1, null] }), { a: [1, null] })
  await actor.control.stop()
  t.strictSame(await actor.ended, { how: 'stopped' })
  await actor.gone
})

t.test('a port within an argument reaches the thread', async t => {
  const actor = await faulty(t)
  const { port1, port2 } = new MessageChannel()
  const arrived = once(port1, 'message')
  await actor.control.pingBack({ port: port2 })
  t.strictSame(await arrived, ['ping'])
})

t.test('an error thrown in an actor arrives with its code, cause and fields', async t => {
  const actor = await faulty(t)
  await t.rejects(actor.control.throwRich(), RICH)
  await t.rejects(actor.control.throwText(), { code: 'THROWN_VALUE', value: 'only text' })
  t.equal(await actor.control.echo('alive'), 'alive', 'and the actor lives on')
})

const RICH = {
  name: 'RichError',
  message: 'outer',
  code: 'RICH',
  detail: { a: [1, 'two'] },
  stack: /faults/,
  cause: { name: 'TypeError', message: 'inner', code: 'INNER', depth: 1 },
}

t.test('an uncaught error fails the pending call at once, with the error as its cause', async t => {
  const actor = await faulty(t)
  await t.rejects(actor.control.within(NEVER_MS).crashSoon(), {
    code: 'ACTOR_ENDED',
    actor: 'web-1',
    method: 'crashSoon',
    cause: RICH,
  })
  t.match(await actor.ended, { how: 'crashed', error: RICH })
  await t.rejects(actor.control.echo(1), { code: 'ACTOR_ENDED', cause: RICH })
  await actor.gone
})

t.test('an actor that ends itself with an error has crashed of that error', async t => {
  const actor = await faulty(t)
  await actor.control.endWithError()
  t.match(await actor.ended, { how: 'crashed', error: RICH })
  await actor.gone
})

for (const code of [0, 7]) {
  t.test(
    `process.exit(${code}) in an actor fails the pending call at once and counts as a crash`,
    async t => {
      const actor = await faulty(t)
      const ended = { code: 'ACTOR_ENDED', cause: { code: 'ACTOR_EXITED', exitCode: code } }
      await t.rejects(actor.control.within(NEVER_MS).exit(code), ended)
      t.match(await actor.ended, { how: 'crashed', error: { code: 'ACTOR_EXITED' } })
      await actor.gone
    },
  )
}

t.test('an actor in an endless loop is killed at once, and its pending calls fail', async t => {
  const actor = await faulty(t)
  const calls = [actor.control.within(NEVER_MS).hang(), actor.control.within(NEVER_MS).echo(1)]
  const failed = Promise.all(
    calls.map(call =>
      t.rejects(call, { code: 'ACTOR_ENDED', cause: { code: 'ACTOR_KILLED', reason: 'a test' } }),
    ),
  )
  actor.kill('a test')
  await failed
  t.strictSame(await actor.ended, { how: 'killed', reason: 'a test' })
  await actor.gone
})

t.test('a call to an actor in an endless loop fails at its deadline', async t => {
  const actor = await faulty(t)
  await t.rejects(actor.control.within(20).hang(), { code: 'CONTROL_DEADLINE' })
})

t.test('the heap limit ends one actor, and no other', async t => {
  const actor = await faulty(t, 32)
  const other = await faulty(t)
  await t.rejects(actor.control.within(NEVER_MS).exhaustHeap(), {
    code: 'ACTOR_ENDED',
    cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
  })
  t.match(await actor.ended, { how: 'crashed', error: { code: 'ERR_WORKER_OUT_OF_MEMORY' } })
  t.equal(await other.control.echo('alive'), 'alive')
})

t.test('an actor that dies before it answers anything fails the calls that were made meanwhile', async t => {
  const stage = makeStage(t)
  const atStart = stage.spawn({ role: 'crash-at-start', name: 'web-1' })
  await t.rejects(atStart.control.within(NEVER_MS).echo(1), { code: 'ACTOR_ENDED', cause: RICH })
  const onLoad = stage.spawn({ role: 'crash-on-load', name: 'web-2' })
  await t.rejects(onLoad.control.within(NEVER_MS).echo(1), {
    code: 'ACTOR_ENDED',
    cause: { message: 'this module can not be loaded' },
  })
})

t.test('a thread entry that does not exist is a crash', async t => {
  const stage = new Stage<{ none: FaultyControl }>({ none: new URL('../no-such-file.js', import.meta.url) })
  const actor = stage.spawn({ role: 'none', name: 'web-1' })
  await t.rejects(actor.control.within(NEVER_MS).echo(1), {
    code: 'ACTOR_ENDED',
    cause: { message: /no-such-file/ },
  })
  await actor.gone
})

t.test('an actor killed while its thread is still starting ends as killed', async t => {
  const actor = makeStage(t).spawn({ role: 'faulty', name: 'web-1' })
  const call = actor.control.within(NEVER_MS).echo(1)
  actor.kill('too early')
  await t.rejects(call, { code: 'ACTOR_ENDED', cause: { code: 'ACTOR_KILLED' } })
  t.strictSame(await actor.ended, { how: 'killed', reason: 'too early' })
  await actor.gone
})

t.test('the first end counts: killing what has ended changes nothing', async t => {
  const actor = await faulty(t)
  await actor.control.stop()
  await actor.ended
  actor.kill('too late')
  t.strictSame(await actor.ended, { how: 'stopped' })
})

t.test('a destroyed stage leaves no thread behind, whatever the threads were doing', async t => {
  const stage = faultStage()
  const spawn = (name: string): Faulty => stage.spawn({ role: 'faulty', name })
  const [idle, hanging, starting] = [spawn('web-1'), spawn('web-2'), spawn('web-3')]
  const actors = [idle, hanging, starting]
  await idle.control.within(NEVER_MS).echo(1)
  const hang = hanging.control.within(NEVER_MS).hang()
  await Promise.all([t.rejects(hang, { code: 'ACTOR_ENDED' }), stage.destroy()])
  for (const actor of actors) {
    t.match(await actor.ended, { how: 'killed' })
    await actor.gone
  }
  const late = spawn('web-4')
  t.match(await late.ended, { how: 'killed' })
  await late.gone
  t.notOk(process.getActiveResourcesInfo().includes('MessagePort'), 'and no port')
})

t.test('the thread entries of Troupe are where the stage looks for them', async t => {
  const stage = new Stage(WORKER_FILES)
  t.teardown(() => stage.destroy())
  const actor = stage.spawn({ role: 'session-server', name: 'a' })
  await actor.control.start({ name: actor.name as never, backend: { kind: 'memory' } })
  t.match(await actor.control.stats(), { sessions: 0 })
  await actor.control.stop()
  t.strictSame(await actor.ended, { how: 'stopped' })
})
