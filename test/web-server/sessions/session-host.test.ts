import { sign } from 'cookie-signature'
import t from 'tap'
import { ALL_PARTITIONS, partitionOf, type SessionId } from '../../../lib/replication/ids.js'
import { Browser, config, Replicas, visit, WebServer } from './session-harness.js'

const server = (options = {}) => new WebServer(new Replicas('a', 'b'), options)

function browserWith(...values: string[]): Browser {
  const browser = new Browser()
  browser.header = values.map(value => `sid=${encodeURIComponent(value)}`).join('; ')
  return browser
}

function idOf(browser: Browser): SessionId {
  const value = decodeURIComponent(browser.header?.split('=')[1] ?? '')
  return value.slice(2, value.lastIndexOf('.')) as SessionId
}

t.test('a session is kept from one request to the next', async t => {
  const web = server()
  const browser = await visit(web, { user: 'ann' })
  t.match(browser.header, /^sid=s%3A/)
  await web.request(browser, session => {
    t.equal(session.user, 'ann')
    t.equal(session.id, idOf(browser))
  })
  t.equal(web.reads, 0, 'the cache answered')
})

t.test(
  'a session that another web server takes over is read from a replica with its latest write',
  async t => {
    const replicas = new Replicas('a', 'b')
    const first = new WebServer(replicas)
    const browser = await visit(first, { n: 1 })
    await first.request(browser, session => {
      session.n = 2
    })
    const second = new WebServer(replicas, { epoch: 2 })
    t.equal(await second.request(browser, session => t.equal(session.n, 2)), null)
    await second.request(browser, session => t.equal(session.n, 2))
    t.equal(second.reads, 2, 'one look-up, at both replicas')
  },
)

t.test('requests that miss the same session share one look-up and one live object', async t => {
  const replicas = new Replicas('a', 'b')
  const browser = await visit(new WebServer(replicas), { cart: [] })
  const web = new WebServer(replicas, { epoch: 2 })
  const opening = [1, 2, 3].map(() => web.host.open({ cookieHeader: browser.header, encrypted: false }))
  web.deliver()
  const carts = (await Promise.all(opening)).map(opened => {
    if (opened.type !== 'opened') throw new Error(opened.type)
    return opened.use.session as unknown as { cart: number[] }
  })
  t.equal(web.reads, 2)
  t.equal(carts[0]?.cart, carts[1]?.cart)
  t.equal(carts[0]?.cart, carts[2]?.cart)
})

t.test('a new session without data is never stored and has no cookie', async t => {
  const web = server()
  const cookie = await web.request(new Browser(), session => {
    t.equal(session.user, undefined)
    session.cookie.maxAge = 1000
    session.gone = 1
    delete session.gone
  })
  t.equal(cookie, null)
  t.same(web.mutations, [])
  t.equal(web.cache.count, 0)
})

t.test('a request that never looks costs nothing, nor does one that reads only plain values', async t => {
  const web = server()
  const browser = await visit(web, { user: 'ann', cart: {} })
  await web.request(browser, session => session.cart)
  const sent = web.mutations.length
  const entry = web.cache.find(idOf(browser))
  if (entry === undefined) throw new Error('not cached')
  let looked = 0
  const { data } = entry
  Object.defineProperty(entry, 'data', {
    get: () => {
      looked++
      return data
    },
  })
  await web.request(browser, () => {})
  t.equal(looked, 0)
  await web.request(browser, session => session.user)
  t.equal(looked, 1, 'read, not serialized')
  t.equal(web.mutations.length, sent)
})

t.test('an object changed in place is noticed', async t => {
  const web = server()
  const browser = await visit(web, { cart: { items: [1] } })
  await web.request(browser, session => {
    ;(session.cart as { items: number[] }).items.push(2)
  })
  t.equal(web.mutations.at(-1)?.data, '{"cart":{"items":[1,2]}}')
  t.equal(web.mutations.at(-1)?.version, 2)
})

t.test('a change and its undoing in one request cost no mutation', async t => {
  const web = server()
  const browser = await visit(web, { n: 1 })
  const sent = web.mutations.length
  await web.request(browser, session => {
    session.n = 2
    session.n = 1
  })
  t.equal(web.mutations.length, sent)
})

t.test('two requests of one session at the same moment both keep their writes', async t => {
  const replicas = new Replicas('a', 'b')
  const web = new WebServer(replicas)
  const browser = await visit(web, { log: [], start: true })
  const [one, two] = [await web.open(browser), await web.open(browser)]
  one.session.one = 1
  two.session.two = 2
  ;(one.session.log as number[]).push(1)
  await one.answer()
  ;(two.session.log as number[]).push(2)
  await two.answer()
  one.close()
  two.close()
  const next = new WebServer(replicas, { epoch: 2 })
  await next.request(browser, session => {
    t.match(session, { one: 1, two: 2, log: [1, 2], start: true })
  })
})

t.test(
  'a response waits for its change, and for a change of another request that it may have seen',
  async t => {
    const web = server()
    const browser = await visit(web, { n: 1 })
    const writer = await web.open(browser)
    const reader = await web.open(browser)
    const blind = await web.open(browser)
    writer.session.n = 2
    writer.use.end()
    t.equal(reader.session.n, 2)
    reader.use.end()
    blind.use.end()
    t.equal(blind.use.acknowledged(), null, 'never looked')
    const states: string[] = []
    const waits = [
      writer.use.acknowledged()?.then(() => states.push('writer')),
      reader.use.acknowledged()?.then(() => states.push('reader')),
    ]
    t.ok(waits[0])
    t.ok(waits[1])
    await new Promise(resolve => setImmediate(resolve))
    t.same(states, [], 'nothing delivered yet')
    web.deliver()
    await Promise.all(waits)
    t.equal(writer.use.acknowledged(), null)
  },
)

t.test(
  'a reader commits what a concurrent request wrote but has not committed, before it answers',
  async t => {
    const web = server()
    const browser = await visit(web, { n: 1, o: { x: 1 } })
    const writer = await web.open(browser)
    const reader = await web.open(browser)
    writer.session.n = 2
    ;(writer.session.o as { x: number }).x = 2
    t.equal(reader.session.n, 2)
    reader.use.end()
    t.ok(reader.use.acknowledged(), 'waits')
    web.deliver()
    t.equal(web.mutations.at(-1)?.data, '{"n":2,"o":{"x":2}}')
    ;(writer.session.o as { x: number }).x = 3
    await writer.answer()
    t.equal(web.mutations.at(-1)?.data, '{"n":2,"o":{"x":3}}', 'the writer still holds its object')
  },
)

t.test('without enough acknowledgements in time the answer is an error', async t => {
  const web = server({ acks: 'all' })
  const request = await web.open()
  request.session.n = 1
  request.use.end()
  const acknowledged = request.use.acknowledged()
  web.time.now += 10_000
  web.owner.onTick(web.time.now)
  await t.rejects(acknowledged ?? Promise.resolve(), { code: 'REPLICATION_TIMEOUT' })
  t.ok(request.use.acknowledged(), 'and stays one')
})

t.test('what the app changes between the head and the end is committed too', async t => {
  const web = server()
  const browser = await visit(web)
  const request = await web.open(browser)
  request.session.a = 1
  request.use.head()
  web.deliver()
  request.session.b = 2
  await request.answer()
  t.same(
    web.mutations.slice(1).map(({ data }) => data),
    ['{"user":"ann","a":1}', '{"user":"ann","a":1,"b":2}'],
  )
})

t.test('a value that JSON cannot hold fails the request and the last good copy stays', async t => {
  const web = server()
  const browser = await visit(web, { n: 1 })
  const request = await web.open(browser)
  request.session.n = 2
  request.session.seen = new Map()
  t.throws(() => request.use.end(), { code: 'SESSION_NOT_SERIALIZABLE', path: 'seen' })
  t.equal(request.use.head(), null, 'the error page can be sent')
  request.close()
  await web.request(browser, session => {
    t.equal(session.n, 1)
    t.notOk('seen' in session)
  })
  t.same(web.reported, [])
})

t.test('a session over the limit fails the request and the last good copy stays', async t => {
  const web = server()
  const browser = await visit(web, { n: 1 })
  const request = await web.open(browser)
  request.session.big = 'x'.repeat(3000)
  await t.rejects(request.session.save(), { code: 'SESSION_TOO_LARGE', maxBytes: 2000 })
  request.session.small = 1
  await request.answer()
  request.close()
  t.equal(web.mutations.at(-1)?.data, '{"n":1,"small":1}', 'the app went on after the error')
})

t.test(
  'changes of a concurrent request that were dropped with a bad value are not reported as saved',
  async t => {
    const web = server()
    const browser = await visit(web, { n: 1 })
    const bad = await web.open(browser)
    const good = await web.open(browser)
    const reader = await web.open(browser)
    t.equal(reader.session.n, 1)
    good.session.good = 1
    bad.session.f = () => {}
    t.throws(() => bad.use.end(), { code: 'SESSION_NOT_SERIALIZABLE' })
    t.throws(() => good.use.end(), { code: 'SESSION_REVERTED' })
    reader.use.end()
    t.equal(reader.use.acknowledged(), null)
  },
)

t.test('dates and class instances read after the request as a new owner would read them', async t => {
  class Cart {
    items = [1]
    total() {
      return 1
    }
  }
  const web = server()
  const browser = await visit(web, { at: new Date(0), cart: new Cart(), gone: undefined })
  await web.request(browser, session => {
    t.equal(session.at, '1970-01-01T00:00:00.000Z')
    t.equal(Object.getPrototypeOf(session.cart), Object.prototype)
    t.notOk('gone' in session)
  })
})

t.test('an instance that is changed after a concurrent commit keeps the change', async t => {
  const web = server()
  const browser = await visit(web)
  const one = await web.open(browser)
  const two = await web.open(browser)
  class Cart {
    items: number[] = []
  }
  const cart = new Cart()
  one.session.cart = cart
  t.ok(two.session.cart)
  await two.answer()
  two.close()
  cart.items.push(7)
  await one.answer()
  one.close()
  await web.request(browser, session => t.same(session.cart, { items: [7] }))
})

t.test('destroy ends the session everywhere and clears the cookie', async t => {
  const replicas = new Replicas('a', 'b')
  const web = new WebServer(replicas)
  const browser = await visit(web)
  const old = browser.copy()
  const request = await web.open(browser)
  const { session } = request
  const destroyed = session.destroy()
  t.equal(request.use.session, undefined)
  web.deliver()
  await destroyed
  t.match(await request.answer(), /^sid=; Path=\/; Expires=Thu, 01 Jan 1970/)
  request.close()
  t.equal(browser.header, undefined)
  t.match(web.mutations.at(-1), { data: null, version: 2 })
  for (const next of [web, new WebServer(replicas, { epoch: 2 })]) {
    await next.request(old.copy(), session => {
      t.equal(session.user, undefined)
      t.not(session.id, idOf(old))
    })
  }
})

t.test('a request that was running when its session was destroyed does not bring it back', async t => {
  const web = server()
  const browser = await visit(web)
  const old = browser.copy()
  const slow = await web.open(browser.copy())
  const quick = await web.open(browser)
  ;(slow.session as { user?: string }).user = 'changed'
  slow.session.cart = { a: 1 }
  void quick.session.destroy()
  await quick.answer()
  quick.close()
  const sent = web.mutations.length
  slow.session.more = 1
  await slow.session.save()
  t.equal(await slow.answer(), null, 'no cookie')
  slow.close()
  web.deliver()
  t.equal(web.mutations.length, sent)
  await web.request(old, session => t.equal(session.user, undefined))
})

t.test('a session destroyed here is not found while its destroy is on its way', async t => {
  const web = server()
  const browser = await visit(web)
  const old = browser.copy()
  const request = await web.open(browser)
  void request.session.destroy()
  request.close()
  const opened = web.host.open({ cookieHeader: old.header, encrypted: false })
  if (opened instanceof Promise || opened.type !== 'opened') throw new Error('a look-up')
  t.equal((opened.use.session as unknown as { user?: string }).user, undefined)
  t.equal(web.cache.count, 1, 'a tombstone')
  web.deliver()
  t.equal(web.cache.count, 0)
})

t.test('regenerate gives a new id and cookie, and the old session is gone', async t => {
  const web = server()
  const browser = await visit(web, { guest: true })
  const old = browser.copy()
  const request = await web.open(browser)
  const before = request.session.id
  const done = request.session.regenerate()
  web.deliver()
  await done
  t.not(request.session.id, before)
  t.equal(request.use.sessionId, request.session.id)
  t.equal(request.session.guest, undefined)
  request.session.user = 'ann'
  t.match(await request.answer(), new RegExp(`^sid=s%3A${request.session.id}\\.`))
  request.close()
  await web.request(browser, session => t.equal(session.user, 'ann'))
  await web.request(old, session => t.equal(session.guest, undefined))
})

t.test('regenerate without new data clears the old cookie', async t => {
  const web = server()
  const browser = await visit(web)
  const cookie = await web.request(browser, session => {
    const done = session.regenerate()
    web.deliver()
    return done
  })
  t.match(cookie, /^sid=; /)
})

t.test('a response after regenerate waits for the old session to be destroyed at the replicas', async t => {
  const web = server()
  const request = await web.open(await visit(web))
  void request.session.regenerate()
  request.use.end()
  const acknowledged = request.use.acknowledged()
  t.ok(acknowledged)
  web.deliver()
  await acknowledged
})

t.test('reload drops unsaved changes, and refuses while another request uses the session', async t => {
  const web = server()
  const browser = await visit(web, { n: 1 })
  const one = await web.open(browser)
  const two = await web.open(browser)
  one.session.n = 2
  await t.rejects(one.session.reload(), { code: 'SESSION_IN_USE' })
  t.equal(one.session.n, 2)
  t.equal(two.session.n, 2)
  two.close()
  one.session.n = 3
  await one.session.reload()
  t.equal(one.session.n, 2, 'committed when the other request was over')
})

t.test('forged, unknown and expired ids are never adopted', async t => {
  const web = server()
  const real = await visit(web, { n: 1 })
  const unknown = `s:${sign('abcdefgh', 'secret')}`
  const forged = `s:${sign(idOf(real), 'guessed')}`
  for (const value of [unknown, forged, 's:x.y', 'plain']) {
    await web.request(browserWith(value), session => {
      t.equal(session.n, undefined)
      t.notOk(value.includes(session.id))
    })
  }
  web.time.now += 200_000
  await web.request(real, session => t.equal(session.n, undefined, 'expired'))
})

t.test('of several cookies of our name the first with a valid signature counts', async t => {
  const web = server({ session: { secrets: ['secret', 'older'] } })
  const real = await visit(web, { n: 1 })
  const id = idOf(real)
  await web.request(browserWith('s:bad.sig', `s:${sign(id, 'older')}`), session => t.equal(session.n, 1))
})

t.test('a cookie that was verified once still has to match as a whole', async t => {
  const web = server()
  const browser = await visit(web, { n: 1 })
  await web.request(browser, session => t.equal(session.n, 1))
  await web.request(browserWith(`s:${idOf(browser)}.forged`), session => t.equal(session.n, undefined))
  await web.request(browser, session => t.equal(session.n, 1))
})

t.test('a cookie names the session that it was signed for, however it is encoded', async t => {
  const web = server()
  const ann = await visit(web, { n: 1 })
  // In the cache, and its id the beginning of the one that the cookie was signed for.
  const value = `s:${sign(`${idOf(ann)}.2`, 'secret')}`
  for (const dot of ['%2E', '%2e']) {
    const at = value.lastIndexOf('.')
    const raw = encodeURIComponent(value.slice(0, at)) + dot + encodeURIComponent(value.slice(at + 1))
    const browser = new Browser()
    browser.header = `sid=${raw}`
    await web.request(browser, session => t.equal(session.n, undefined))
  }
  await web.request(ann, session => t.equal(session.n, 1))
})

t.test('a session of a partition that is not owned here is sent to its owner', async t => {
  const replicas = new Replicas('a')
  const browser = await visit(new WebServer(replicas))
  const partition = partitionOf(idOf(browser))
  const other = new WebServer(replicas, { epoch: 2, partitions: ALL_PARTITIONS.filter(p => p !== partition) })
  t.same(await other.opened(browser), { type: 'reroute', partition })
})

t.test('when no replica can be asked the session is unavailable, never empty', async t => {
  const replicas = new Replicas('a')
  const browser = await visit(new WebServer(replicas))
  const web = new WebServer(replicas, { epoch: 2 })
  web.owner.onReplicaLost(replicas.names[0] as (typeof replicas.names)[0], web.time.now)
  t.match(await web.opened(browser), { type: 'unavailable', error: { code: 'SESSION_UNAVAILABLE' } })
  t.equal(web.host.inUse(partitionOf(idOf(browser))), 0)
})

t.test('a partition that is lost during a look-up sends the request on', async t => {
  const replicas = new Replicas('a')
  const browser = await visit(new WebServer(replicas))
  const partition = partitionOf(idOf(browser))
  const web = new WebServer(replicas, { epoch: 2 })
  const opening = web.host.open({ cookieHeader: browser.header, encrypted: false })
  web.owner.onUnassign(partition)
  t.same(await opening, { type: 'reroute', partition })
  t.equal(web.host.inUse(partition), 0)
})

t.test('changes to a session whose partition was lost meanwhile are refused', async t => {
  const web = server()
  const browser = await visit(web)
  const writer = await web.open(browser)
  const waiting = await web.open(browser)
  const reader = await web.open(browser)
  waiting.session.n = 1
  waiting.use.end()
  t.equal(reader.session.n, 1)
  const acknowledged = waiting.use.acknowledged()
  web.owner.onUnassign(partitionOf(idOf(browser)))
  await t.rejects(acknowledged ?? Promise.resolve(), { code: 'OWNERSHIP_LOST' })
  await t.rejects(
    reader.use.acknowledged() ?? Promise.resolve(),
    { code: 'OWNERSHIP_LOST' },
    'it saw the change',
  )
  writer.session.n = 2
  t.throws(() => writer.use.end(), { code: 'OWNERSHIP_LOST' })
})

t.test('requests count as users of their partitions from the start to the end', async t => {
  const web = server()
  const browser = await visit(web)
  const partition = partitionOf(idOf(browser))
  t.equal(web.host.inUse(partition), 0)
  const one = await web.open(browser)
  const two = await web.open(browser)
  t.equal(web.host.inUse(partition), 2)
  one.close()
  one.close()
  t.equal(web.host.inUse(partition), 1, 'closed twice, counted once')
  two.close()
  t.equal(web.host.inUse(partition), 0)
  const fresh = await web.open()
  const made = partitionOf(fresh.session.id)
  t.equal(web.host.inUse(made), 1)
  fresh.close()
  t.equal(web.host.inUse(made), 0)
})

t.test(
  'a session is touched only when a tenth of its lifetime has passed, and only by those who look',
  async t => {
    const web = server()
    const browser = await visit(web)
    const sent = web.mutations.length
    for (let i = 0; i < 9; i++) {
      web.time.now += 1000
      await web.request(browser, session => session.user)
    }
    t.equal(web.mutations.length, sent)
    web.time.now += 1000
    await web.request(browser, () => {})
    t.equal(web.mutations.length, sent)
    const request = await web.open(browser)
    t.equal(request.session.user, 'ann')
    request.use.end()
    t.equal(request.use.acknowledged(), null, 'the answer does not wait for the touch')
    request.close()
    web.deliver()
    t.match(web.mutations.at(-1), { version: 2, expires: web.time.now + 100_000, data: '{"user":"ann"}' })
    t.equal(web.mutations.length, sent + 1)
  },
)

t.test('a touched session lives on past its first expiry', async t => {
  const web = server()
  const browser = await visit(web)
  for (let i = 0; i < 5; i++) {
    web.time.now += 60_000
    await web.request(browser, session => t.equal(session.user, 'ann'))
  }
})

t.test('the lifetime that the app gave a session goes with it to its next owner', async t => {
  const replicas = new Replicas('a')
  const web = new WebServer(replicas)
  const browser = new Browser()
  const cookie = await web.request(browser, session => {
    session.user = 'ann'
    session.cookie.maxAge = 5000
  })
  t.match(cookie, /Expires=Thu, 01 Jan 1970 00:16:45 GMT/)
  t.equal(web.mutations.at(-1)?.expires, web.time.now + 5000)
  const next = new WebServer(replicas, { epoch: 2 })
  await next.request(browser, session => {
    t.equal(session.cookie.originalMaxAge, 5000)
    session.n = 1
  })
  t.equal(next.mutations.at(-1)?.expires, next.time.now + 5000)
})

t.test('a change of the cookie alone is committed', async t => {
  const web = server()
  const browser = await visit(web)
  const cookie = await web.request(browser, session => {
    session.cookie.maxAge = 5000
  })
  t.match(cookie, /Expires/)
  t.equal(web.mutations.at(-1)?.data, '{"user":"ann","cookie":{"originalMaxAge":5000}}')
  t.equal(await web.request(browser, session => session.user), null)
  t.match(
    await web.request(browser, session => {
      session.n = 1
    }),
    /Expires/,
    'renewed with each change, since it has an end',
  )
})

t.test('a cookie without an end is set once; with rolling always, for all that have a session', async t => {
  const web = server()
  const browser = await visit(web)
  t.equal(
    await web.request(browser, session => {
      session.n = 1
    }),
    null,
  )
  const rolling = server({ session: { rolling: true } })
  const other = await visit(rolling)
  t.match(await rolling.request(other, () => {}), /^sid=s%3A/)
  t.equal(await rolling.request(new Browser(), () => {}), null)
})

t.test(
  'secure true is the operator\'s word, also where https ends at a proxy; "auto" follows the connection',
  async t => {
    for (const [secure, encrypted, isSecure] of [
      [true, false, true],
      [true, true, true],
      ['auto', false, false],
      ['auto', true, true],
    ] as const) {
      const web = server({ session: { cookie: { ...config.cookie, secure } } })
      const browser = new Browser()
      const request = await web.open(browser, encrypted)
      request.session.n = 1
      const cookie = await request.answer()
      t.equal(cookie?.includes('; Secure'), isSecure, `${secure} ${encrypted}`)
    }
  },
)

t.test('a request that is aborted keeps what it changed', async t => {
  const web = server()
  const browser = await visit(web)
  const request = await web.open(browser)
  request.session.n = 1
  request.close()
  web.deliver()
  await web.request(browser, session => t.equal(session.n, 1))
})

t.test(
  'a change after the request was over is kept while the session is here, and reported when it is not',
  async t => {
    const web = server()
    const browser = await visit(web)
    const request = await web.open(browser)
    const { session } = request
    await request.answer()
    request.close()
    session.late = 1
    await new Promise(resolve => setImmediate(resolve))
    web.deliver()
    t.equal(web.mutations.at(-1)?.data, '{"user":"ann","late":1}')
    web.cache.drop(partitionOf(idOf(browser)))
    session.late = 2
    await new Promise(resolve => setImmediate(resolve))
    t.match(web.reported, [{ code: 'SESSION_CLOSED' }])
  },
)

t.test(
  'what is done to an object of a session that is kept as text by now is not lost without a word',
  async t => {
    const web = new WebServer(new Replicas('a', 'b'))
    const browser = await visit(web, { cart: [] })
    const request = await web.open(browser)
    const { session } = request
    const cart = session.cart as string[]
    await request.answer()
    request.close()
    // A round takes 64; after two of them nobody has used it for a while.
    for (let call = 0; call < 200; call++) web.cache.sweep(0)
    await session.save()
    cart.push('umbrella')
    await t.rejects(session.save(), { code: 'SESSION_CLOSED' })
    await web.request(browser, later => t.same(later.cart, []))
  },
)

t.test('looking at the session after the request was over counts for nothing', async t => {
  const web = server()
  const request = await web.open()
  await request.answer()
  request.close()
  t.equal(request.session.user, undefined)
  t.equal(web.host.inUse(partitionOf(request.session.id)), 0)
})

t.test('a session evicted from the cache is read back from its replica with its latest write', async t => {
  const web = server({ maxBytes: 5000 })
  const browsers: Browser[] = []
  for (let i = 0; i < 20; i++) browsers.push(await visit(web, { i }))
  t.ok(web.cache.count < 20)
  t.ok(web.cache.bytes <= 5000)
  for (const [i, browser] of browsers.entries()) await web.request(browser, session => t.equal(session.i, i))
  t.ok(web.reads > 0)
})

t.test(
  'a session larger than the whole cache is shared by the requests that use it, and read again after',
  async t => {
    const replicas = new Replicas('a')
    const browser = await visit(new WebServer(replicas), { text: 'x'.repeat(1500), cart: [] })
    const web = new WebServer(replicas, { epoch: 2, maxBytes: 2000 })
    const one = await web.open(browser)
    const two = await web.open(browser)
    t.equal(one.session.cart, two.session.cart)
    one.session.n = 1
    await one.answer()
    one.close()
    two.close()
    web.deliver()
    t.equal(web.cache.count, 0)
    await web.request(browser, session => t.equal(session.n, 1))
    t.equal(web.reads, 2)
  },
)

t.test(
  'when the replicas acknowledge nothing, memory stays bounded and no change is lost silently',
  async t => {
    const web = server({ maxBytes: 10_000, acks: 'none' })
    const open = () => web.host.open({ cookieHeader: undefined, encrypted: false })
    let refused: unknown = null
    let taken = 0
    while (refused === null && taken < 1000) {
      const opened = open()
      if (opened instanceof Promise || opened.type !== 'opened') throw new Error('a look-up')
      const session = opened.use.session as unknown as { n: number }
      session.n = taken
      try {
        opened.use.end()
        taken++
      } catch (error) {
        refused = error
      }
      opened.use.close()
    }
    t.match(refused, { code: 'SESSION_CACHE_FULL' })
    t.ok(web.cache.bytes < 25_000)
    t.equal(web.cache.count, taken, 'all that were taken are still here')
    web.deliver()
    t.ok(web.cache.bytes <= 10_000)
    await visit(web)
  },
)

t.test('req.session takes nothing but itself and undefined', async t => {
  const web = server()
  const { use } = await web.open(await visit(web))
  t.throws(
    () => {
      use.session = {} as never
    },
    { code: 'SESSION_ASSIGNED' },
  )
  const { session } = use
  use.session = session
  t.ok(use.session)
  use.session = undefined
  t.equal(use.session, undefined)
})

t.test('a web server that owns nothing passes requests without a session on to an owner', async t => {
  const web = server({ partitions: [] })
  t.match(await web.opened(new Browser()), { type: 'reroute', partition: Number })
})

t.test('the last partition is kept as long as a request is open that may begin a session', async t => {
  const [first, second] = [partitionOf('a'), partitionOf('b')]
  const web = server({ partitions: [first, second] })
  const request = await web.open()
  t.ok(web.host.mayGiveUp(first), 'not the last')
  web.owner.onUnassign(first)
  t.notOk(web.host.mayGiveUp(second))
  t.equal(partitionOf(request.use.sessionId), second, 'so it can begin one')
  request.use.close()
  t.ok(web.host.mayGiveUp(second))
})
