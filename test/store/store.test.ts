/** `troupe/store` in a process without Troupe: its contract, and the session servers that it runs itself. */
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { LmdbChild } from '../session-server/stores/lmdb-child.js'
import { makeStore, sessionOf } from './harness.js'

t.test('a store without options', async t => {
  const { store } = makeStore(t)

  await t.test('a session is found as it was stored, until it is destroyed', async t => {
    t.equal(await store.get('one'), null)
    await store.set('one', sessionOf({ user: 'ada', cart: [1, 2] }))
    t.same(await store.get('one'), {
      user: 'ada',
      cart: [1, 2],
      cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' },
    })
    await store.set('one', sessionOf({ user: 'bob' }))
    t.match(await store.get('one'), { user: 'bob', cart: undefined })
    await store.destroy('one')
    t.equal(await store.get('one'), null)
    await store.destroy('one')
  })

  await t.test('what the app changes after it has called set is not stored', async t => {
    const session = sessionOf({ count: 1 })
    const done = store.set('changed', session)
    session.cookie.path = '/changed'
    await done
    t.match(await store.get('changed'), { count: 1, cookie: { path: '/' } })
  })

  await t.test(
    'a request that saves late does not bring a destroyed session back, and is not told',
    async t => {
      await store.set('late', sessionOf({ user: 'ada' }))
      await store.destroy('late')
      await store.set('late', sessionOf({ user: 'ada' }))
      t.equal(await store.get('late'), null)
    },
  )

  await t.test('every call takes a callback, called after the call has returned', async t => {
    const outcome = <T>(call: (done: (error?: unknown, answer?: T) => void) => void) =>
      new Promise((resolve, reject) => {
        let returned = false
        call((error, answer) => {
          t.ok(returned)
          if (error) reject(error)
          else resolve(answer)
        })
        returned = true
      })
    await outcome(done => store.clear(done))
    await outcome(done => store.set('called', sessionOf({ user: 'ada' }), done))
    await outcome(done => store.touch('called', sessionOf({ user: 'ada' }), done))
    t.match(await outcome(done => store.get('called', done)), { user: 'ada' })
    t.equal(await outcome(done => store.length(done)), 1)
    t.match(await outcome(done => store.all(done)), [{ id: 'called', user: 'ada' }])
    await outcome(done => store.destroy('called', done))
    t.equal(await outcome(done => store.get('called', done)), null)
    const circular: Record<string, unknown> = {}
    circular.self = circular
    await t.rejects(
      outcome(done => store.set('called', circular, done)),
      TypeError,
    )
  })

  await t.test('all, length and clear see the sessions of every partition', async t => {
    await store.clear()
    const ids = Array.from({ length: 50 }, (_, index) => `session ${index}`)
    await Promise.all(ids.map((id, index) => store.set(id, sessionOf({ index }))))
    t.equal(await store.length(), 50)
    const all = await store.all()
    t.same(all.map(({ id }) => id).sort(), [...ids].sort())
    t.ok(all.every(({ id, index }) => id === `session ${index}`))
    await store.clear()
    t.equal(await store.length(), 0)
    t.equal(await store.get('session 7'), null)
  })

  await t.test('a session ends when its cookie does, and a touch gives it a new life', async t => {
    await store.set('short', sessionOf({}, 300))
    await store.set('touched', sessionOf({}, 300))
    await store.touch('touched', sessionOf({}, 60_000))
    await wait(350)
    t.equal(await store.get('short'), null)
    const touched = await store.get('touched')
    const left = new Date(String(touched?.cookie.expires)).getTime() - Date.now()
    t.ok(left > 50_000, 'its cookie says so too')
    await store.touch('short', sessionOf({}, 60_000))
    t.equal(await store.get('short'), null, 'nothing is left to be touched')
  })

  await t.test('setting a session that has ended destroys it', async t => {
    await store.set('ended', sessionOf({ user: 'ada' }))
    await store.set('ended', sessionOf({ user: 'ada' }, -1))
    t.equal(await store.get('ended'), null)
  })

  await t.test('a session that is too large is an error, and the one before stays', async t => {
    await store.set('large', sessionOf({ user: 'ada' }))
    await t.rejects(store.set('large', sessionOf({ text: 'x'.repeat(70_000) })), {
      code: 'SESSION_TOO_LARGE',
    })
    t.match(await store.get('large'), { user: 'ada' })
  })

  await t.test('an id that there cannot be is refused', async t => {
    await t.rejects(store.get(''), { code: 'SESSION_CALL_INVALID' })
    await t.rejects(store.set('x'.repeat(300), sessionOf({})), { code: 'SESSION_CALL_INVALID' })
  })
})

t.test('what was stored in lmdb is there for the next process', async t => {
  const sessionServers = ['a', 'b'].map(name => ({ name, store: 'lmdb', path: join(t.testdir(), name) }))
  const { store } = makeStore(t, { sessionServers, session: { ttl: '1h' } })
  await store.set('kept', sessionOf({ user: 'ada' }))
  await store.close()
  await t.rejects(store.get('kept'), { code: 'STORE_CLOSED' })
  const next = makeStore(t, { sessionServers }).store
  t.match(await next.get('kept'), { user: 'ada' })
})

t.test('while another process has the files every call is told in time', async t => {
  const path = join(t.testdir(), 'a')
  const other = new LmdbChild(path)
  t.teardown(() => other.kill())
  await other.says(said => said.includes('open'))
  const options = {
    sessionServers: [{ name: 'a', store: 'lmdb', path }],
    replication: { ackTimeout: '300ms' },
  }
  const { store } = makeStore(t, options)
  await t.rejects(store.get('one'), { code: 'STORE_NOT_READY' })
  await t.rejects(makeStore(t, { ...options, mustStart: true }).store.ready(), { code: 'STORE_LOCKED' })
  await other.kill()
  await store.ready()
  t.equal(await store.get('one'), null)
})

t.test('a call that close overtakes is answered or refused, not forgotten', async t => {
  const { store } = makeStore(t)
  await store.ready()
  const calls = [store.get('unknown'), store.length(), store.set('one', sessionOf({})), store.destroy('two')]
  const outcomes = Promise.allSettled<unknown>(calls)
  await store.close()
  for (const outcome of await outcomes) {
    if (outcome.status === 'rejected') t.match(outcome.reason, { code: 'STORE_CLOSED' })
  }
})

t.test('options that are not valid are told by ready, and by every call', async t => {
  const { store } = makeStore(t, { sessionServers: [{ name: 'a', store: 'lmdb' }] })
  await t.rejects(store.ready(), { code: 'CONFIG_INVALID', message: /sessionServers\[0\]\.path/ })
  await t.rejects(store.get('one'), { code: 'CONFIG_INVALID' })
  await store.close()
})

t.test('a process whose store was closed ends by itself, also when it was never ready', async t => {
  const store = fileURLToPath(new URL('../../lib/store/index.js', import.meta.url))
  const folder = t.testdir({
    'main.mjs': `import { TroupeStore } from ${JSON.stringify(store)}
      const store = new TroupeStore()
      await store.set('one', { cookie: {} })
      await store.close()
      await new TroupeStore().close()
      console.log('closed')`,
  })
  const { stdout } = await promisify(execFile)(process.execPath, [`${folder}/main.mjs`], { timeout: 60_000 })
  t.equal(stdout, 'closed\n')
})
