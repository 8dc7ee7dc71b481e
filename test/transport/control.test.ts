import { once } from 'node:events'
import { MessageChannel, type MessagePort } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { type Control, controlOf, exposeControl } from '../../lib/transport/control.js'

interface Api {
  add(a: number, b: number): number
  fail(): Promise<void>
  never(): Promise<void>
  uncloneable(): unknown
  usePort(name: string, port: MessagePort): void
  useOptions(options: { name: string; port: MessagePort }): void
  stop(): Promise<string>
}

const api: Api = {
  add: (a, b) => a + b,
  fail: async () => {
    throw Object.assign(
      new Error('failed', { cause: Object.assign(new Error('inner'), { code: 'INNER' }) }),
      {
        code: 'FAILED',
        field: { a: 1 },
      },
    )
  },
  never: () => new Promise(() => undefined),
  uncloneable: () => () => 1,
  usePort: (name, port) => {
    port.postMessage(name)
    port.close()
  },
  useOptions: ({ name, port }) => api.usePort(name, port),
  stop: async () => {
    // A tick that is asked for by a microtask comes when the answer was posted, and before it is received.
    queueMicrotask(() => process.nextTick(() => onStopped()))
    return 'stopped'
  },
}

/** What the end of an actor that stops sets off. */
let onStopped: () => void = () => undefined

/** Both ends in this thread, the port between them real. */
function bothEnds(t: Test): { control: Control<Api>; near: MessagePort; end(why?: unknown): void } {
  const { port1: near, port2: far } = new MessageChannel()
  let end: (why?: unknown) => void = () => undefined
  const ended = new Promise(resolve => {
    end = resolve
  })
  exposeControl(far, api)
  t.teardown(() => end())
  return { control: controlOf<Api>(near, { name: 'web-1', ended, deadlineMs: 60_000 }), near, end }
}

t.test('a call answers with what the method returned', async t => {
  const { control } = bothEnds(t)
  t.equal(await control.add(1, 2), 3)
  t.equal(await control.within(60_000).add(3, 4), 7)
})

t.test('an error of the far side arrives with its code, cause and fields', async t => {
  const { control } = bothEnds(t)
  await t.rejects(control.fail(), {
    message: 'failed',
    code: 'FAILED',
    field: { a: 1 },
    cause: { message: 'inner', code: 'INNER' },
  })
})

t.test('ports arrive as ports, as an argument and within one', async t => {
  const { control } = bothEnds(t)
  const first = new MessageChannel()
  await control.usePort('direct', first.port2)
  t.strictSame(await once(first.port1, 'message'), ['direct'])
  const second = new MessageChannel()
  await control.useOptions({ name: 'inside', port: second.port2 })
  t.strictSame(await once(second.port1, 'message'), ['inside'])
})

t.test('a call that is not answered fails at its deadline, and others go on', async t => {
  const { control } = bothEnds(t)
  await t.rejects(control.within(5).never(), {
    code: 'CONTROL_DEADLINE',
    actor: 'web-1',
    method: 'never',
    deadlineMs: 5,
  })
  t.equal(await control.add(1, 1), 2)
})

t.test('when the actor ends every pending call fails with why, and so does every later one', async t => {
  const { control, near, end } = bothEnds(t)
  const pending = [control.never(), control.within(60_000).never()]
  const closed = once(near, 'close')
  end(Object.assign(new Error('heap'), { code: 'ERR_WORKER_OUT_OF_MEMORY' }))
  for (const call of pending) {
    await t.rejects(call, {
      code: 'ACTOR_ENDED',
      actor: 'web-1',
      method: 'never',
      cause: { code: 'ERR_WORKER_OUT_OF_MEMORY' },
    })
  }
  await t.rejects(control.add(1, 1), { code: 'ACTOR_ENDED', method: 'add' })
  await closed
  t.pass('and the port is closed')
})

t.test('an answer that was given before the end is received, though the end is known first', async t => {
  const { control, near, end } = bothEnds(t)
  let heard = false
  near.once('message', () => {
    heard = true
  })
  onStopped = () => {
    t.equal(heard, false, 'the answer is still on its way')
    end()
  }
  const pending = control.never()
  t.equal(await control.stop(), 'stopped')
  await t.rejects(pending, { code: 'ACTOR_ENDED', method: 'never' })
  await t.rejects(control.add(1, 1), { code: 'ACTOR_ENDED', method: 'add' })
})

t.test('what can not be cloned fails its call, in either direction', async t => {
  const { control } = bothEnds(t)
  await t.rejects(control.add(1, (() => 1) as unknown as number), { name: 'DataCloneError' })
  await t.rejects(control.uncloneable(), { name: 'TypeError' })
  t.equal(await control.add(1, 1), 2)
})

t.test('only methods of the interface can be called', async t => {
  const { control } = bothEnds(t)
  const wrong = control as unknown as Record<'missing' | 'constructor' | 'toString', () => Promise<unknown>>
  await t.rejects(wrong.missing(), { code: 'UNKNOWN_CONTROL_METHOD' })
  await t.rejects(wrong.constructor(), { code: 'UNKNOWN_CONTROL_METHOD' })
  await t.rejects(wrong.toString(), { code: 'UNKNOWN_CONTROL_METHOD' })
})

t.test('a control can be awaited without calling anything', async t => {
  const { control } = bothEnds(t)
  t.equal(await (await control).add(2, 2), 4)
})

t.test('concurrent calls each get their own answer', async t => {
  const { control } = bothEnds(t)
  const sums = await Promise.all(Array.from({ length: 100 }, (_, index) => control.add(index, 1)))
  t.strictSame(
    sums,
    Array.from({ length: 100 }, (_, index) => index + 1),
  )
})
