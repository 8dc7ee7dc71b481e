import t from 'tap'
import { ActorEndedError } from '../../lib/transport/control-errors.js'
import { fromWireError, toWireError } from '../../lib/transport/wire-error.js'

/** Through the form that postMessage gives it. */
function acrossThreads(thrown: unknown): Error & Record<string, unknown> {
  return fromWireError(structuredClone(toWireError(thrown))) as Error & Record<string, unknown>
}

t.test('an error arrives with its name, message, code, stack and fields', async t => {
  const sent = Object.assign(new RangeError('too much'), {
    code: 'E2BIG',
    limit: 5,
    at: new Date(0),
    list: [1, { a: null }],
  })
  const got = acrossThreads(sent)
  t.ok(got instanceof RangeError)
  t.equal(got.name, 'RangeError')
  t.equal(got.message, 'too much')
  t.equal(got.stack, sent.stack)
  t.equal(got.code, 'E2BIG')
  t.strictSame({ ...got }, { code: 'E2BIG', limit: 5, at: new Date(0), list: [1, { a: null }] })
})

t.test('an error of a class of ours keeps its name, code and fields', async t => {
  const got = acrossThreads(new ActorEndedError('web-1', 'assign', new Error('why')))
  t.equal(got.name, 'ActorEndedError')
  t.match(got, { code: 'ACTOR_ENDED', actor: 'web-1', method: 'assign' })
  t.equal((got.cause as Error).message, 'why')
})

t.test('causes arrive with their own codes, however they are mixed', async t => {
  const root = Object.assign(new Error('root'), { code: 'ENOENT', errno: -2 })
  const got = acrossThreads(new Error('top', { cause: new TypeError('middle', { cause: root }) }))
  const middle = got.cause as Error
  t.ok(middle instanceof TypeError)
  t.match(middle.cause, { message: 'root', code: 'ENOENT', errno: -2 })
  t.equal(acrossThreads(new Error('x', { cause: 'only text' })).cause, 'only text')
  t.notOk('cause' in acrossThreads(new Error('no cause')))
})

t.test('an AggregateError arrives with its errors', async t => {
  const one = Object.assign(new Error('one'), { code: 'ONE' })
  const got = acrossThreads(new AggregateError([one, 'two'], 'both'))
  t.ok(got instanceof AggregateError)
  t.equal(got.message, 'both')
  t.match(got.errors, [{ message: 'one', code: 'ONE' }, 'two'])
})

t.test('an error in a field arrives as an error', async t => {
  const got = acrossThreads(
    Object.assign(new Error('outer'), { original: Object.assign(new Error('in'), { code: 'IN' }) }),
  )
  t.ok(got.original instanceof Error)
  t.match(got.original, { code: 'IN' })
})

t.test('a thrown value that is not an error arrives as an error that holds a copy of it', async t => {
  t.match(acrossThreads('text'), { code: 'THROWN_VALUE', value: 'text' })
  t.match(acrossThreads({ a: 1 }), { code: 'THROWN_VALUE', value: { a: 1 } })
  t.equal(acrossThreads(undefined).code, 'THROWN_VALUE')
  t.match(
    acrossThreads(() => 1),
    { code: 'THROWN_VALUE', value: undefined },
  )
})

t.test('what cannot be copied is left out, and the rest arrives', async t => {
  const sent = Object.assign(new Error('mixed'), {
    run: () => 1,
    socket: new (class Socket {})(),
    port: 80,
    deep: { f() {}, a: 1 },
  })
  t.strictSame({ ...acrossThreads(sent) }, { port: 80, deep: { a: 1 } })
})

t.test('an error that fights back still arrives', async t => {
  const trap = new Error('trap')
  Object.defineProperty(trap, 'message', {
    get() {
      throw new Error('no')
    },
  })
  Object.defineProperty(trap, 'field', {
    enumerable: true,
    get() {
      throw new Error('no')
    },
  })
  t.ok(acrossThreads(trap) instanceof Error)
  const hostile = new Proxy(new Error('hidden'), {
    get() {
      throw new Error('no')
    },
    getPrototypeOf() {
      throw new Error('no')
    },
    ownKeys() {
      throw new Error('no')
    },
  })
  t.ok(acrossThreads(hostile) instanceof Error)
})

t.test('the wire form is bounded: endless causes, cycles and huge fields', async t => {
  const cycle: Error & { self?: unknown } = new Error('cycle')
  cycle.cause = cycle
  cycle.self = { cycle }
  const chain = Array.from({ length: 1000 }).reduce<Error>(
    cause => new Error('link', { cause }),
    new Error('end'),
  )
  const huge = Object.assign(new Error('m'.repeat(10_000_000)), {
    text: 'x'.repeat(10_000_000),
    list: new Array(1_000_000).fill(7),
    bytes: new Uint8Array(50_000_000),
  })
  for (const error of [cycle, chain, huge]) {
    t.ok(JSON.stringify(toWireError(error)).length < 512 * 1024)
    t.ok(acrossThreads(error) instanceof Error)
  }
})
