import t, { type Test } from 'tap'
import type { ActorEnd, ActorHandle } from '../../../lib/director/actors/actor-handle.js'
import { Supervisor, type SupervisorOptions } from '../../../lib/director/actors/supervisor.js'
import { type FaultRoles, type FaultyControl, faultStage } from '../../support/faults/faults.js'
import { until } from '../../support/until.js'

type Faulty = ActorHandle<FaultyControl>

/** Far above any test's length: what is awaited here must come by itself. */
const NEVER_MS = 3_600_000

interface Supervised {
  readonly supervisor: Supervisor<FaultyControl>
  readonly ends: ActorEnd[]
  readonly spawned: Faulty[]
  /** The actor of now. */
  actor(): Faulty
}

function supervise(
  t: Test,
  options: Partial<SupervisorOptions<FaultyControl>> & { readonly role?: keyof FaultRoles } = {},
): Supervised {
  const stage = faultStage()
  const ends: ActorEnd[] = []
  const spawned: Faulty[] = []
  const supervisor = new Supervisor<FaultyControl>({
    spawn: () => {
      const actor = stage.spawn({ role: options.role ?? 'faulty', name: 'web-1' })
      spawned.push(actor)
      return actor
    },
    onUp: async actor => {
      await actor.control.within(NEVER_MS).echo('up')
    },
    onDown: end => {
      ends.push(end)
    },
    hangTimeoutMs: NEVER_MS,
    stopTimeoutMs: 5_000,
    ...options,
  })
  t.teardown(async () => {
    await supervisor.stop()
    await stage.destroy()
  })
  const actor = (): Faulty => {
    if (supervisor.actor === null) throw new Error('the actor is down')
    return supervisor.actor
  }
  return { supervisor, ends, spawned, actor }
}

t.test('an actor that crashes is replaced by a new one that serves', async t => {
  const { supervisor, ends, actor } = supervise(t)
  t.equal(supervisor.state, 'down')
  const started = supervisor.start()
  t.equal(supervisor.state, 'starting')
  await started
  t.equal(supervisor.state, 'running')
  const first = actor()
  await t.rejects(first.control.within(NEVER_MS).crashSoon(), { code: 'ACTOR_ENDED' })
  await until(() => supervisor.restarts === 1 && supervisor.state === 'running')
  t.not(actor(), first)
  t.equal(await actor().control.echo('back'), 'back')
  t.match(ends, [{ how: 'crashed', error: { code: 'RICH' } }])
})

t.test('a killed actor is replaced, and its end says why', async t => {
  const { supervisor, ends } = supervise(t)
  await supervisor.start()
  supervisor.kill('a test asked')
  await until(() => supervisor.restarts === 1 && supervisor.state === 'running')
  t.strictSame(ends, [{ how: 'killed', reason: 'a test asked' }])
})

t.test('an actor that fails its first start is left to the director, with the error', async t => {
  const { supervisor, ends, spawned } = supervise(t, { role: 'crash-at-start' })
  await t.rejects(supervisor.start(), { code: 'RICH', cause: { code: 'INNER' } })
  t.equal(supervisor.state, 'down')
  t.match(ends, [{ how: 'crashed', error: { code: 'RICH' } }])
  t.equal(spawned.length, 1)
  t.equal(supervisor.restarts, 0)
})

t.test('an error of onUp at the first start rejects it and ends the thread', async t => {
  const error = Object.assign(new Error('no app'), { code: 'APP_LOAD' })
  const { supervisor, ends, spawned } = supervise(t, { onUp: () => Promise.reject(error) })
  await t.rejects(supervisor.start(), { code: 'APP_LOAD' })
  t.strictSame(ends, [{ how: 'crashed', error }])
  await spawned[0]?.gone
})

t.test('a patient supervisor tries a first start that fails again, until it succeeds', async t => {
  const { supervisor, ends, actor } = supervise(t, {
    isPatient: true,
    onUp: async actor => {
      await actor.control.within(NEVER_MS).echo('up')
      if (ends.length < 2) throw new Error('not yet')
    },
  })
  await supervisor.start()
  t.strictSame([supervisor.state, supervisor.restarts, ends.length], ['running', 2, 2])
  t.equal(await actor().control.echo('here'), 'here')
})

t.test('a patient supervisor that is stopped before the first success rejects its start', async t => {
  const { supervisor, ends } = supervise(t, {
    isPatient: true,
    onUp: () => Promise.reject(new Error('never')),
  })
  const started = t.rejects(supervisor.start(), { code: 'STOPPED_AT_START', message: /^web-1 / })
  await until(() => ends.length === 3 && supervisor.actor === null)
  await supervisor.stop()
  await started
  t.equal(supervisor.state, 'down')
})

t.test('an actor whose restarts fail is started again until one succeeds', async t => {
  let failures = 0
  const { supervisor, ends } = supervise(t, {
    onUp: async actor => {
      await actor.control.within(NEVER_MS).echo('up')
      if (ends.length > 0 && failures++ < 2) throw new Error('not yet')
    },
  })
  await supervisor.start()
  supervisor.kill('first')
  await until(() => supervisor.restarts === 3 && supervisor.state === 'running')
  t.match(
    ends.map(end => end.how),
    ['killed', 'crashed', 'crashed'],
  )
})

t.test('an actor that dies while it is brought up does not hold up its supervisor', async t => {
  const { supervisor, ends } = supervise(t, {
    onUp: async actor => {
      if (ends.length === 0) return
      if (ends.length === 1) actor.kill('during its start')
      await (ends.length === 1 ? new Promise(() => undefined) : actor.control.within(NEVER_MS).echo('up'))
    },
  })
  await supervisor.start()
  supervisor.kill('first')
  await until(() => ends.length === 2 && supervisor.state === 'running')
  t.match(ends[1], { how: 'killed', reason: 'during its start' })
})

t.test('an actor in an endless loop is found by its heartbeat and replaced, while another lives', async t => {
  const hanging = supervise(t, { hangTimeoutMs: 300 })
  const other = supervise(t, { hangTimeoutMs: 300 })
  await Promise.all([hanging.supervisor.start(), other.supervisor.start()])
  await t.rejects(hanging.actor().control.within(NEVER_MS).hang(), {
    code: 'ACTOR_ENDED',
    cause: { code: 'ACTOR_KILLED', reason: /stood still for 300 ms/ },
  })
  await until(() => hanging.supervisor.restarts === 1 && hanging.supervisor.state === 'running')
  t.equal(await hanging.actor().control.echo('back'), 'back')
  t.equal(await other.actor().control.echo('alive'), 'alive')
  t.strictSame([hanging.ends.length, other.ends.length, other.supervisor.restarts], [1, 0, 0])
})

t.test('a director that is blocked for longer than the hang timeout condemns nobody', async t => {
  const { supervisor, ends, actor } = supervise(t, { hangTimeoutMs: 200 })
  await supervisor.start()
  for (let block = 0; block < 3; block++) {
    const end = performance.now() + 500
    while (performance.now() < end);
    t.equal(await actor().control.echo('alive'), 'alive')
  }
  t.strictSame(ends, [])
})

t.test('an actor that is busy for less than the hang timeout is left alone', async t => {
  const { supervisor, ends, actor } = supervise(t, { hangTimeoutMs: 3_000 })
  await supervisor.start()
  await actor().control.block(600)
  t.equal(await actor().control.echo('alive'), 'alive')
  t.strictSame(ends, [])
})

t.test('a stopped actor ends in order and stays down', async t => {
  const { supervisor, ends, actor } = supervise(t)
  await supervisor.start()
  const { gone } = actor()
  supervisor.drain()
  t.equal(supervisor.state, 'draining')
  await Promise.all([supervisor.stop(), supervisor.stop()])
  await gone
  t.strictSame(ends, [{ how: 'stopped' }])
  t.strictSame([supervisor.state, supervisor.restarts, supervisor.actor], ['down', 0, null])
})

t.test('an actor that does not stop in time is killed', async t => {
  const { supervisor, ends } = supervise(t, { role: 'unstoppable', stopTimeoutMs: 50 })
  await supervisor.start()
  await supervisor.stop()
  t.match(ends, [{ how: 'killed', reason: /did not answer stop within 50 ms/ }])
  t.equal(supervisor.state, 'down')
})

t.test('an actor that is replaced ends in order, and another follows', async t => {
  const { supervisor, ends } = supervise(t)
  await supervisor.start()
  await supervisor.replace()
  await until(() => supervisor.restarts === 1 && supervisor.state === 'running')
  t.strictSame(ends, [{ how: 'stopped' }])
})

t.test('a stop during the back-off ends it', async t => {
  const { supervisor, ends, spawned } = supervise(t, {
    onUp: async actor => {
      await actor.control.within(NEVER_MS).echo('up')
      if (ends.length > 0) throw new Error('never again')
    },
  })
  await supervisor.start()
  supervisor.kill('first')
  await until(() => ends.length === 5 && supervisor.actor === null)
  await supervisor.stop()
  t.equal(spawned.length, 5)
})

t.test('a stop during the first start rejects the start', async t => {
  const { supervisor } = supervise(t, { onUp: () => new Promise(() => undefined) })
  const started = t.rejects(supervisor.start(), { code: 'STOPPED_AT_START' })
  await supervisor.stop()
  await started
  t.equal(supervisor.state, 'down')
})
