import t from 'tap'
import {
  EMPTY_SESSION,
  parseSession,
  type SerializeOptions,
  serializeSession,
} from '../../../lib/web-server/sessions/session-json.js'

const options: SerializeOptions = {
  cookieText: null,
  previous: EMPTY_SESSION,
  assigned: false,
  maxBytes: 1000,
}

function serialize(data: Record<string, unknown>, overrides: Partial<SerializeOptions> = {}) {
  return serializeSession(data, { ...options, ...overrides })
}

function thrownBy(action: () => unknown): Error & { path?: string } {
  try {
    action()
  } catch (error) {
    return error as Error
  }
  throw new Error('nothing was thrown')
}

t.test('what JSON holds as it is comes back equal and is not exotic', async t => {
  const data = { user: 'a', n: 1.5, ok: true, none: null, cart: { items: [{ price: 2 }, 'x', [1]] } }
  const { text, exotic } = serialize(data)
  t.equal(exotic, false)
  t.same(parseSession(text).data, data)
})

t.test('a value that JSON would lose is an error that names its place', async t => {
  const loop: Record<string, unknown> = {}
  loop.self = { loop }
  const cases: [unknown, string, RegExp][] = [
    [{ items: [1, 2, { price: () => 1 }] }, 'v.items[2].price', /a function/],
    [Symbol('s'), 'v', /a symbol/],
    [12n, 'v', /a bigint/],
    [{ a: [1n] }, 'v.a[0]', /a bigint/],
    [{ seen: new Map([[1, 2]]) }, 'v.seen', /a Map/],
    [new Set([1]), 'v', /a Set/],
    [{ 'odd key': new WeakMap() }, 'v["odd key"]', /weak/],
    [Number.NaN, 'v', /NaN/],
    [[Number.NEGATIVE_INFINITY], 'v[0]', /-Infinity/],
    [loop, 'v.self.loop', /part of/],
    [new Error('x'), 'v', /an Error/],
    [/x/, 'v', /a RegExp/],
    [Promise.resolve(), 'v', /a Promise/],
    [{ toJSON: () => new Map() }, 'v', /a Map/],
    [
      {
        toJSON: () => {
          throw new Error('no')
        },
      },
      'v',
      /toJSON throws/,
    ],
  ]
  for (const [v, path, message] of cases) {
    const error = thrownBy(() => serialize({ fine: 1, v }))
    t.match(error, { code: 'SESSION_NOT_SERIALIZABLE', message }, path)
    t.equal(error.path, path)
  }
})

t.test('one value at two places is not circular', async t => {
  const shared = { x: 1 }
  t.equal(serialize({ a: shared, b: [shared, shared] }).text, '{"a":{"x":1},"b":[{"x":1},{"x":1}]}')
})

t.test('nesting too deep for JSON is an error of its own, not a crash', async t => {
  let deep: unknown = 1
  for (let i = 0; i < 200_000; i++) deep = [deep]
  t.throws(() => serialize({ deep }), { code: 'SESSION_NOT_SERIALIZABLE' })
})

t.test('a function leaves no trace in the text and is found all the same after an assignment', async t => {
  t.throws(() => serialize({ f: () => {} }, { assigned: true }), {
    code: 'SESSION_NOT_SERIALIZABLE',
    path: 'f',
  })
})

t.test('values that read differently after JSON are exotic', async t => {
  class Cart {
    items = [1]
  }
  for (const v of [
    new Date(0),
    new URL('http://x/'),
    Buffer.from('a'),
    new Cart(),
    undefined,
    [undefined],
    -0,
  ]) {
    t.equal(serialize({ v, w: 1 }).exotic, true)
  }
  t.equal(serialize({ v: Object.assign(Object.create(null), { a: 1 }) }).exotic, false)
  t.equal(serialize({ gone: undefined, kept: 1 }).text, '{"kept":1}')
})

t.test('a session over the limit names its size, the limit and its largest keys', async t => {
  const data = { small: 1, big: 'x'.repeat(900), bigger: 'é'.repeat(600), mid: 'y'.repeat(100) }
  t.throws(() => serialize(data), {
    code: 'SESSION_TOO_LARGE',
    maxBytes: 1000,
    bytes: Buffer.byteLength(JSON.stringify(data)),
    largest: [
      ['bigger', 1202],
      ['big', 902],
      ['mid', 102],
    ],
    message: /bigger \(1202 bytes\), big/,
  })
})

t.test('the limit counts bytes, not characters, to the byte', async t => {
  const data = { v: 'é'.repeat(100) }
  const bytes = Buffer.byteLength(JSON.stringify(data))
  t.doesNotThrow(() => serialize(data, { maxBytes: bytes }))
  t.throws(() => serialize(data, { maxBytes: bytes - 1 }), { code: 'SESSION_TOO_LARGE' })
})

t.test('the cookie settings travel beside the data and come apart again', async t => {
  const cookieText = '{"originalMaxAge":5}'
  for (const data of [{}, { a: 1 }]) {
    const { text } = serialize(data, { cookieText })
    t.same(parseSession(text), { data, cookieText })
  }
})

t.test('__proto__ and constructor in stored data are members like any other', async t => {
  const { data } = parseSession(
    '{"__proto__":{"admin":true},"constructor":{"prototype":{"admin":true}},"a":{"__proto__":{"x":1}}}',
  )
  t.equal(data.admin, undefined)
  t.equal(({} as Record<string, unknown>).admin, undefined)
  t.ok(Object.hasOwn(data, '__proto__'))
  t.equal((data.a as Record<string, unknown>).x, undefined)
})

t.test('stored text that is no JSON object is refused', async t => {
  for (const text of ['', 'nonsense', '[]', 'null', '"x"']) {
    t.throws(() => parseSession(text), { code: 'SESSION_UNREADABLE' })
  }
})
