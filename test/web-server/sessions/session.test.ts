import { inspect } from 'node:util'
import t from 'tap'
import { Cookie } from '../../../lib/web-server/sessions/session-cookie.js'
import { Browser, Replicas, visit, WebServer } from './session-harness.js'

const server = () => new WebServer(new Replicas('a', 'b'))

t.test('a session reads, writes and deletes as a plain object does', async t => {
  const { session } = await server().open()
  session.user = 'ann'
  session.cart = [1]
  t.equal(session.user, 'ann')
  t.ok('user' in session)
  t.notOk('other' in session)
  t.ok('id' in session)
  t.ok('save' in session)
  t.ok(Object.hasOwn(session, 'cart'))
  t.ok(Object.hasOwn(session, 'cart'), 'as old code asks')
  delete session.user
  t.equal(session.user, undefined)
  t.same({ ...session, cookie: 0 }, { cookie: 0, cart: [1] })
  Object.defineProperty(session, 'defined', { value: 1 })
  t.equal(session.defined, 1)
})

t.test('keys and JSON are those of express-session: the cookie and the members', async t => {
  const { session } = await server().open()
  session.user = 'ann'
  t.same(Object.keys(session), ['cookie', 'user'])
  t.same(JSON.parse(JSON.stringify(session)).user, 'ann')
  t.same(Object.keys(JSON.parse(JSON.stringify(session))), ['cookie', 'user'])
  t.match(inspect(session), /user: 'ann'/)
  t.ok(session.cookie instanceof Cookie)
})

t.test('its own methods and id can not be overwritten', async t => {
  const { session } = await server().open()
  for (const key of ['id', 'save', 'destroy', 'regenerate', 'reload', 'touch', 'resetMaxAge']) {
    t.throws(() => {
      session[key] = 1
    }, TypeError)
    t.throws(() => {
      delete session[key]
    }, TypeError)
  }
  t.throws(() => Object.freeze(session), TypeError)
  t.match(session.id, /^[\w-]{32}$/)
})

t.test('__proto__ as a member pollutes nothing and stays a member', async t => {
  const web = server()
  const browser = await visit(web)
  await web.request(browser, session => {
    for (const [key, value] of Object.entries(JSON.parse('{"__proto__":{"admin":true}}')))
      session[key] = value
    t.equal(session.admin, undefined)
  })
  t.equal(({} as Record<string, unknown>).admin, undefined)
  await web.request(browser, session => {
    t.equal(session.admin, undefined)
    t.ok(Object.hasOwn(session, '__proto__'))
  })
})

t.test('a symbol stays with its request', async t => {
  const web = server()
  const browser = await visit(web)
  const key = Symbol('k')
  await web.request(browser, session => {
    Reflect.set(session, key, 1)
    t.equal(Reflect.get(session, key), 1)
  })
  await web.request(browser, session => t.equal(Reflect.get(session, key), undefined))
})

t.test('methods work with callbacks, and then return the session', async t => {
  const web = server()
  const request = await web.open()
  const { session } = request
  session.user = 'ann'
  await new Promise<void>((resolve, reject) => {
    const returned = session.save(error => (error ? reject(error) : resolve()))
    t.equal(returned, session)
    web.deliver()
  })
  t.equal(web.mutations.length, 1)
  session.f = () => {}
  const error = await new Promise(resolve => session.save(resolve))
  t.match(error, { code: 'SESSION_NOT_SERIALIZABLE', path: 'f' })
})

t.test('methods work detached from the session', async t => {
  const web = server()
  const { session } = await web.open()
  session.user = 'ann'
  const { save, touch } = session
  const saved = save()
  web.deliver()
  await saved
  t.equal(web.mutations.length, 1)
  t.equal(touch(), session)
})

t.test('touch begins a new lifetime of the cookie', async t => {
  const time = { now: 1000 }
  const cookie = {
    path: '/',
    domain: null,
    httpOnly: true,
    secure: false,
    sameSite: null,
    partitioned: false,
  } as const
  const web = new WebServer(new Replicas('a'), { time, session: { cookie: { ...cookie, maxAgeMs: 500 } } })
  const { session } = await web.open()
  t.equal(session.cookie.maxAge, 500)
  time.now += 100
  t.equal(session.cookie.maxAge, 400)
  t.equal(session.touch(), session)
  t.equal(session.cookie.maxAge, 500)
})

t.test('an unsaved new session belongs to its request alone', async t => {
  const web = server()
  const browser = new Browser()
  const first = await web.open(browser)
  const second = await web.open(browser)
  first.session.a = 1
  t.equal(second.session.a, undefined)
  t.not(first.session.id, second.session.id)
})
