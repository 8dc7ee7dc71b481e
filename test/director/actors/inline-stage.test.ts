/** Actors on the thread of the director: they start, are stopped, and end for good when killed. */
import t from 'tap'
import { InlineStage, type RunActor } from '../../../lib/director/actors/inline-stage.js'
import type { ActorName } from '../../../lib/replication/ids.js'
import { runSessionServer } from '../../../lib/session-server/actor.js'
import { runWebServer } from '../../../lib/web-server/actor.js'
import { ownThread } from '../../../lib/web-server/surroundings.js'

/** Names of actors whose own code has come to its end. */
const over: string[] = []
const noting =
  (run: RunActor): RunActor =>
  (task, killed) =>
    run(task, killed).finally(() => over.push(task.name))

function inlineStage(): InlineStage {
  return new InlineStage({
    'web-server': noting((task, killed) => runWebServer(task, { ...ownThread, killed })),
    'session-server': noting(runSessionServer),
  })
}

t.test('a session server answers, and stops when asked', async t => {
  const stage = inlineStage()
  const actor = stage.spawn({ role: 'session-server', name: 'a' })
  const fences = await actor.control.start({ name: 'a' as ActorName, backend: { kind: 'memory' } })
  t.equal(fences.length, 1024)
  await actor.control.stop()
  t.same(await actor.ended, { how: 'stopped' })
  await stage.destroy()
})

t.test('actors that are killed are at an end, for their callers at once', async t => {
  const stage = inlineStage()
  for (const [role, name] of [
    ['session-server', 'killed'],
    ['web-server', 'web-killed'],
  ] as const) {
    const actor = stage.spawn({ role, name })
    const call: Promise<unknown> = actor.control.stats()
    actor.kill('the test asks for it')
    await t.rejects(call, { code: /ACTOR_ENDED|STATE/ })
    t.match(await actor.ended, { how: 'killed', reason: 'the test asks for it' })
    await actor.gone
    await new Promise(resolve => setImmediate(() => setImmediate(resolve)))
    t.ok(over.includes(name), `${name} runs on`)
  }
})

t.test('a stage that is destroyed ends everybody, and whoever comes late', async t => {
  const stage = inlineStage()
  const early = stage.spawn({ role: 'session-server', name: 'early' })
  await stage.destroy()
  const late = stage.spawn({ role: 'session-server', name: 'late' })
  t.match([await early.ended, await late.ended], [{ how: 'killed' }, { how: 'killed' }])
})
