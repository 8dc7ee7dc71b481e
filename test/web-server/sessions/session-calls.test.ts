/** Session calls at the owner: what they do to sessions that requests are using, and how the index comes before them. */
import { once } from 'node:events'
import { MessageChannel } from 'node:worker_threads'
import t from 'tap'
import { type Epoch, partitionOf, type SessionId, type Version } from '../../../lib/replication/ids.js'
import type { OwnerCall, OwnerCallAnswers, OwnerCalls } from '../../../lib/transport/session-call-messages.js'
import { assertSessionCall } from '../../../lib/transport/session-call-rules.js'
import { CookieSigner } from '../../../lib/web-server/sessions/cookie-value.js'
import { WebServerSessionCalls } from '../../../lib/web-server/sessions/session-calls.js'
import { INDEX_SESSIONS_MAX } from '../../../lib/web-server/sessions/session-index-records.js'
import { Browser, Replicas, visit, WebServer, type WebServerOptions } from './session-harness.js'

const FAR = 2_000_000

/** The id in a browser's cookie. */
function idOf(browser: Browser): SessionId {
  return decodeURIComponent(browser.header ?? '').replace(/^sid=s:(.*)\..*$/, '$1') as SessionId
}

function server(options: WebServerOptions = {}): WebServer {
  return new WebServer(new Replicas('a', 'b'), options)
}

t.test('set', async t => {
  t.test('replaces what a running request sees', async t => {
    const web = server()
    const browser = await visit(web, { user: 'ann', cart: ['ink'] })
    const request = await web.open(browser)
    t.equal(request.session.user, 'ann')
    await web.call({ op: 'set', id: idOf(browser), data: '{"user":"ben"}', expires: FAR })
    t.equal(request.session.user, 'ben')
    t.equal(request.session.cart, undefined)
    await request.answer()
    t.match(await web.call({ op: 'get', id: idOf(browser) }), { data: '{"user":"ben"}', expires: FAR })
  })

  t.test('fails a request whose unsaved changes it overwrote', async t => {
    const web = server()
    const browser = await visit(web)
    const request = await web.open(browser)
    request.session.user = 'lost'
    await web.call({ op: 'set', id: idOf(browser), data: '{"user":"ben"}', expires: FAR })
    await t.rejects(request.answer(), { code: 'SESSION_REVERTED', cause: { code: 'SESSION_REPLACED' } })
    request.close()
    t.match(await web.call({ op: 'get', id: idOf(browser) }), { data: '{"user":"ben"}' })
  })

  t.test('leaves the session as it was when it is refused', async t => {
    const web = server()
    const browser = await visit(web)
    const id = idOf(browser)
    const big = JSON.stringify({ text: 'x'.repeat(3000) })
    await t.rejects(web.call({ op: 'set', id, data: big, expires: FAR }), { code: 'SESSION_TOO_LARGE' })
    for (const data of ['', '[]', 'null', '7', '{']) {
      await t.rejects(web.call({ op: 'set', id, data, expires: FAR }), { code: 'SESSION_CALL_INVALID' })
    }
    t.match(await web.call({ op: 'get', id }), { data: '{"user":"ann"}' })
  })

  t.test(
    'does not bring a destroyed session back as long as it would have lived, and does after that',
    async t => {
      const replicas = new Replicas('a', 'b')
      const time = { now: 1_000_000 }
      const web = new WebServer(replicas, { time })
      const id = 'named by an app' as SessionId
      const set = { op: 'set', id, data: '{"n":1}', expires: 1_050_000 } as const
      await web.call(set)
      t.equal(await web.call({ op: 'destroy', id }), true)
      await t.rejects(web.call(set), { code: 'SESSION_ENDED' })
      t.equal(web.cache.find(id), undefined, 'only the replicas know')
      time.now = 1_050_001
      await web.call({ ...set, data: '{"n":2}', expires: FAR })
      const next = new WebServer(replicas, { time, epoch: 2 })
      t.match(await next.call({ op: 'get', id }), { data: '{"n":2}' }, 'and replicas take it for newer')
    },
  )

  t.test('of a new session by two at the same moment makes one session', async t => {
    const web = server()
    const id = 'new' as SessionId
    const calls = ['{"by":1}', '{"by":2}'].map(data =>
      web.host.calls.carryOut({ op: 'set', id, data, expires: FAR }),
    )
    await web.settle(Promise.all(calls))
    t.equal(web.cache.count, 1)
    t.match(await web.call({ op: 'get', id }), { data: '{"by":2}' })
  })
})

t.test('get shows what enough replicas hold', async t => {
  const web = server()
  const id = 'new' as SessionId
  await web.call({ op: 'set', id, data: '{"n":1}', expires: FAR })
  const set = web.host.calls.carryOut({ op: 'set', id, data: '{"n":2}', expires: FAR })
  let isAnswered = false
  const got = web.host.calls.carryOut({ op: 'get', id }).finally(() => {
    isAnswered = true
  })
  await new Promise(resolve => setTimeout(resolve, 5))
  t.equal(isAnswered, false)
  t.match(await web.settle(got), { data: '{"n":2}' })
  await set
})

t.test('destroy wins against a request that is running', async t => {
  const replicas = new Replicas('a', 'b')
  const web = new WebServer(replicas)
  const browser = await visit(web)
  const request = await web.open(browser)
  request.session.user = 'late'
  t.equal(await web.call({ op: 'destroy', id: idOf(browser) }), true)
  request.session.user = 'later'
  await request.answer()
  request.close()
  const next = new WebServer(replicas, { epoch: 2 })
  t.equal(await next.call({ op: 'get', id: idOf(browser) }), null)
})

t.test('destroy wins against a request whose session has expired meanwhile', async t => {
  const replicas = new Replicas('a', 'b')
  const time = { now: 1_000_000 }
  const web = new WebServer(replicas, { time })
  const browser = await visit(web)
  const request = await web.open(browser)
  request.session.user = 'late'
  time.now += web.config.ttlMs + 1
  t.equal(await web.call({ op: 'destroy', id: idOf(browser) }), false)
  t.equal(await request.answer(), null)
  request.close()
  web.deliver()
  t.equal(await web.call({ op: 'get', id: idOf(browser) }), null)
  const next = new WebServer(replicas, { time, epoch: 2 })
  t.equal(await next.call({ op: 'get', id: idOf(browser) }), null)
})

t.test('a session that nobody can read can be ended, with indexes too', async t => {
  const replicas = new Replicas('a', 'b')
  const web = new WebServer(replicas, { session: { indexes: { user: 'user' } } })
  const id = 'written by something else' as SessionId
  const copy = { id, epoch: 1 as Epoch, version: 1 as Version, expires: FAR, data: 'nonsense' }
  web.owner.mutate(copy, web.time.now, () => {})
  web.deliver()
  t.equal(await web.call({ op: 'destroy', id }), true)
  const next = new WebServer(replicas, { epoch: 2 })
  t.equal(await next.call({ op: 'get', id }), null)
})

t.test('ids lists a session that leaves the cache while replicas are asked', async t => {
  const web = server()
  web.answersLists = true
  const browser = new Browser()
  const request = await web.open(browser)
  request.session.user = 'ann'
  request.use.end()
  const id = request.use.sessionId as SessionId
  // Asked before the replicas have it.
  const ids = web.host.calls.carryOut({ op: 'ids', partition: partitionOf(id) })
  web.deliver()
  request.close()
  const entry = web.cache.find(id)
  t.equal(entry?.isPinned, false)
  if (entry !== undefined) web.cache.remove(entry)
  t.strictSame(await web.settle(ids), [id])
})

t.test('a web server that has stopped answers no call with silence', async t => {
  const { port1, port2 } = new MessageChannel()
  t.teardown(() => port2.close())
  const elsewhere = { owns: () => false, carryOut: () => Promise.reject(new Error('not here')) }
  const calls = new WebServerSessionCalls(elsewhere, port1)
  const before = calls.call({ op: 'get', id: 'any' as SessionId })
  const closed = once(port1, 'close')
  calls.close()
  await t.rejects(before, { code: 'SESSION_UNAVAILABLE' })
  await closed
  await t.rejects(calls.call({ op: 'get', id: 'any' as SessionId }), { code: 'SESSION_UNAVAILABLE' })
})

t.test('an end that no Date can hold is refused before anybody is asked', async t => {
  const id = 'any' as SessionId
  for (const expires of [Number.NaN, Number.POSITIVE_INFINITY, Number.MAX_VALUE, Number.MAX_SAFE_INTEGER]) {
    for (const call of [
      { op: 'touch', id, expires } as const,
      { op: 'set', id, data: '{}', expires } as const,
    ])
      t.throws(() => assertSessionCall(call), { code: 'SESSION_CALL_INVALID' })
  }
  assertSessionCall({ op: 'touch', id, expires: 8.64e15 })
})

t.test('touch moves the end of a session, and nothing else', async t => {
  const web = server()
  const browser = await visit(web)
  const request = await web.open(browser)
  request.session.user = 'unsaved'
  t.equal(await web.call({ op: 'touch', id: idOf(browser), expires: FAR }), true)
  t.match(web.mutations.at(-1), { data: '{"user":"ann"}', expires: FAR })
  await request.answer()
  t.match(web.mutations.at(-1), { data: '{"user":"unsaved"}' })
})

t.test('a partition of somebody else is not touched', async t => {
  const web = server({ partitions: [] })
  await t.rejects(web.call({ op: 'get', id: 'any' as SessionId }), { code: 'OWNERSHIP_LOST' })
})

/** An owner of index records that answers when the test says so. */
class SlowIndex {
  readonly asked: OwnerCall[] = []
  readonly #answers: { resolve(until: number): void; reject(error: Error): void }[] = []

  readonly ask: OwnerCalls['ask'] = <C extends OwnerCall>(call: C) => {
    this.asked.push(call)
    return new Promise<OwnerCallAnswers[C['op']]>((resolve, reject) => {
      this.#answers.push({ resolve: until => resolve(until as OwnerCallAnswers[C['op']]), reject })
    })
  }

  async answer(outcome: number | Error): Promise<void> {
    for (const { resolve, reject } of this.#answers.splice(0)) {
      if (typeof outcome === 'number') resolve(outcome)
      else reject(outcome)
    }
    await new Promise(setImmediate)
  }
}

const INDEXED = { session: { indexes: { user: 'user' } } }

t.test('the index comes first', async t => {
  t.test('no replica gets a session with a new value before the record lists it', async t => {
    const index = new SlowIndex()
    const web = server({ ...INDEXED, ask: index.ask })
    const browser = new Browser()
    const request = await web.open(browser)
    request.session.user = 'ann'
    const answer = request.answer()
    t.match(index.asked, [{ op: 'indexAdd', id: '#user:ann' }])
    web.deliver()
    t.same(web.mutations, [])
    await index.answer(FAR)
    await web.settle(answer)
    t.match(web.mutations, [{ data: '{"user":"ann"}' }])
    request.close()
    await web.request(browser, session => {
      session.count = 1
    })
    t.equal(index.asked.length, 1, 'which is asked no more while that covers the session')
  })

  t.test('a change that it refuses did not happen, and can be tried again', async t => {
    const index = new SlowIndex()
    const replicas = new Replicas('a', 'b')
    const web = new WebServer(replicas, { ...INDEXED, ask: index.ask })
    const browser = await visit(web, { count: 1 })
    const request = await web.open(browser)
    request.session.user = 'ann'
    const other = await web.open(browser.copy())
    t.equal(other.session.user, 'ann')
    const failed = t.rejects(request.answer(), { code: 'SESSION_INDEX_FULL' })
    await index.answer(Object.assign(new Error('full'), { code: 'SESSION_INDEX_FULL' }))
    await failed
    t.equal(other.session.user, undefined)
    request.close()
    other.close()
    web.deliver()
    t.match(await web.call({ op: 'get', id: idOf(browser) }), { data: '{"count":1}' })
    const again = await web.open(browser)
    again.session.user = 'ann'
    const answer = again.answer()
    await index.answer(FAR)
    await web.settle(answer)
    again.close()
    const next = new WebServer(replicas, { ...INDEXED, epoch: 2, ask: index.ask })
    t.match(await next.call({ op: 'get', id: idOf(browser) }), { data: '{"count":1,"user":"ann"}' })
  })

  t.test('a request that has seen the change waits for it, too', async t => {
    const index = new SlowIndex()
    const web = server({ ...INDEXED, ask: index.ask })
    const browser = await visit(web, { count: 1 })
    const login = await web.open(browser)
    login.session.user = 'ann'
    const loggedIn = login.answer()
    const reader = await web.open(browser.copy())
    t.equal(reader.session.user, 'ann')
    let isAnswered = false
    const read = reader.answer().then(() => {
      isAnswered = true
    })
    web.deliver()
    await new Promise(setImmediate)
    t.equal(isAnswered, false)
    await index.answer(FAR)
    await web.settle(Promise.all([loggedIn, read]))
  })

  t.test('the end of a session waits for nothing', async t => {
    const index = new SlowIndex()
    const web = server({ ...INDEXED, ask: index.ask })
    const browser = await visit(web, { count: 1 })
    const login = await web.open(browser)
    login.session.user = 'ann'
    const loggedIn = login.answer()
    t.equal(await web.call({ op: 'destroy', id: idOf(browser) }), true)
    await index.answer(FAR)
    await web.settle(loggedIn)
    t.match(web.mutations.at(-1), { data: null })
    t.equal(await web.call({ op: 'get', id: idOf(browser) }), null)
  })

  t.test(
    'values that are neither text nor number are not indexed, and what shows itself as text is',
    async t => {
      const index = new SlowIndex()
      const web = server({ session: { indexes: { user: 'account.owner' } }, ask: index.ask })
      for (const account of [
        undefined,
        null,
        {},
        { owner: null },
        { owner: true },
        { owner: '' },
        { owner: ['x'] },
      ]) {
        await visit(web, { count: 1, account })
      }
      t.same(index.asked, [])
      const request = await web.open(new Browser())
      request.session.account = { owner: { toJSON: () => 'an id' } }
      const answer = request.answer()
      t.match(index.asked, [{ id: '#user:an id' }])
      await index.answer(FAR)
      await web.settle(answer)
    },
  )
})

t.test('an index record', async t => {
  const record = '#user:ann' as SessionId
  const add = (web: WebServer, session: string, until = FAR) =>
    web.call({ op: 'indexAdd', id: record, session: session as SessionId, expires: FAR - 1, until })

  t.test('is written once for a session until its time is over', async t => {
    const web = server()
    t.equal(await add(web, 'one'), FAR)
    t.equal(await add(web, 'one', FAR + 5), FAR)
    t.equal(web.mutations.length, 1)
    t.match(web.mutations, [{ id: record, expires: FAR }])
    t.same(await web.call({ op: 'indexRead', id: record }), ['one'])
    await web.call({ op: 'indexRemove', id: record, session: 'one' as SessionId })
    t.same(await web.call({ op: 'indexRead', id: record }), [])
    await add(web, 'two')
    web.time.now = FAR + 1
    t.same(await web.call({ op: 'indexRead', id: record }), [], 'and lists nobody for longer')
  })

  t.test('is no session to a cookie, whatever has signed it', async t => {
    const web = server()
    await add(web, 'one')
    const browser = new Browser()
    browser.header = `sid=${encodeURIComponent(new CookieSigner(web.config.secrets).sign(record))}`
    const request = await web.open(browser)
    t.not(request.use.sessionId, record)
    t.same({ ...request.session, cookie: null }, { cookie: null })
  })

  t.test('that is full makes room by whoever has ended, and refuses one more when nobody has', async t => {
    const web = server()
    const session = 'alive' as SessionId
    for (let n = 0; n < INDEX_SESSIONS_MAX; n++) await add(web, `gone ${n}`)
    t.equal(await add(web, session), FAR)
    t.same(await web.call({ op: 'indexRead', id: record }), [session])

    const full = server({ ask: async () => true as never })
    for (let n = 0; n < INDEX_SESSIONS_MAX; n++) await add(full, `alive ${n}`)
    await t.rejects(add(full, 'one more'), { code: 'SESSION_INDEX_FULL' })
    t.equal(await add(full, 'alive 7'), FAR, 'those that it lists are still found')
  })
})
