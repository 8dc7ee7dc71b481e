/** express-session in a cluster: over `troupe/store`, and with a MemoryStore that somebody forgot to remove. */
import { join } from 'node:path'
import t from 'tap'
import { partitionOf } from '../../lib/replication/ids.js'
import { startCluster } from '../support/cluster.js'
import { visit } from '../support/visitor.js'

t.test('an app with express-session over troupe/store', async t => {
  const cluster = await startCluster(t, { app: 'express-store' })
  await cluster.whole()

  await t.test("the cookie is express-session's, and Troupe sets none", async t => {
    const visitor = visit(t, cluster.url)
    const first = await visitor.get('/')
    t.equal(first.text, '1')
    t.same([...visitor.cookies.keys()], ['connect.sid'])
    t.match(first.headers['set-cookie'], /^connect\.sid=s%3A.*; Path=\/; Expires=.*; HttpOnly$/)
    t.equal((await visitor.get('/')).text, '2')
  })

  await t.test('nothing is stored and no cookie is set for a visitor who leaves no data', async t => {
    const before = (await visit(t, cluster.url).get('/length')).text
    const visitor = visit(t, cluster.url)
    await visitor.get('/peek')
    t.equal(visitor.cookies.size, 0)
    t.equal((await visitor.get('/length')).text, before)
  })

  await t.test('login, reload and logout are as under express-session anywhere', async t => {
    const visitor = visit(t, cluster.url)
    await visitor.get('/')
    const before = JSON.parse((await visitor.get('/peek')).text)
    t.equal((await visitor.get('/reload')).text, '1', 'reload reads what was saved')
    t.match(await visitor.form('/login', { user: 'ada' }), { status: 302 })
    const after = JSON.parse((await visitor.get('/peek')).text)
    t.not(after.id, before.id)
    t.equal(after.count, null)
    t.same(JSON.parse((await visitor.get('/whoami')).text), { user: 'ada' })
    t.equal((await visitor.get(`/other/${before.id}`)).text, 'null', 'the one before is gone')
    const old = visitor.tab()
    t.equal((await visitor.post('/logout')).status, 204)
    t.same(JSON.parse((await old.get('/whoami')).text), { user: null })
  })

  await t.test('a session whose owner is another web server is written, read and found there', async t => {
    const visitors = [
      visit(t, cluster.url),
      visit(t, cluster.url),
      visit(t, cluster.url),
      visit(t, cluster.url),
    ]
    const wrote = new Set<string | undefined>()
    for (const [index, visitor] of visitors.entries()) {
      const answer = await visitor.send('PUT', `/other/made-${index}?count=${index}`)
      wrote.add(answer.servedBy)
    }
    t.same([...wrote].sort(), ['web-1', 'web-2'])
    for (const index of visitors.keys()) {
      for (const visitor of visitors) {
        t.match(JSON.parse((await visitor.get(`/other/made-${index}`)).text), { count: index })
        t.match(JSON.parse((await visitor.get(`/load/made-${index}`)).text), {
          id: `made-${index}`,
          count: index,
        })
      }
    }
    t.ok(new Set(visitors.map((_, index) => partitionOf(`made-${index}`))).size > 1)
  })

  await t.test('sessions survive the loss of web servers, and of a session server', async t => {
    const visitors = Array.from({ length: 6 }, () => visit(t, cluster.url))
    for (const visitor of visitors) t.equal((await visitor.get('/')).text, '1')
    await cluster.lose('web-1', 'web-2')
    for (const visitor of visitors) t.equal((await visitor.get('/')).text, '2')
    await cluster.whole()
    await cluster.lose('a')
    for (const visitor of visitors) t.equal((await visitor.get('/')).text, '3')
    await cluster.whole()
  })

  await t.test('all and length see every session, clear ends them', async t => {
    const visitor = visit(t, cluster.url)
    await visitor.get('/')
    const { id } = JSON.parse((await visitor.get('/peek')).text)
    const all = JSON.parse((await visitor.get('/all')).text)
    t.ok(all.some(([each, count]: [string, number]) => each === id && count === 1))
    t.equal((await visitor.get('/length')).text, String(all.length))
    await visitor.post('/clear')
    t.equal((await visitor.get('/length')).text, '0')
    t.equal((await visitor.get('/')).text, '1', 'the visitor begins anew')
  })
})

t.test("with the same cookie name as Troupe's own, requests go to the owner of their session", async t => {
  const cluster = await startCluster(t, {
    app: 'express-store',
    session: { name: 'connect.sid', rolling: true },
  })
  await cluster.whole()
  const owners = new Map<number, string | undefined>()
  for (let index = 0; index < 8; index++) {
    const visitor = visit(t, cluster.url)
    const first = await visitor.get('/')
    t.equal([first.headers['set-cookie']].flat().length, 1)
    const second = await visitor.get('/')
    t.equal(second.text, '2')
    t.equal(second.headers['set-cookie'] === undefined, false, 'express-session renews it')
    const { servedBy } = await visitor.get('/peek')
    t.equal(servedBy, second.servedBy)
    owners.set(index, servedBy)
  }
  t.same([...new Set(owners.values())].sort(), ['web-1', 'web-2'])
})

t.test("without a store of its own express-session steps aside: req.session is Troupe's", async t => {
  const cluster = await startCluster(t, { app: 'express-memory' })
  const visitor = visit(t, cluster.url)
  t.equal(
    (await visitor.get('/untouched')).headers['set-cookie'],
    undefined,
    'saveUninitialized does not count',
  )
  const first = await visitor.get('/')
  t.equal(first.text, '1')
  t.same([...visitor.cookies.keys()], ['troupe.sid'], 'nor does name')
  t.match(first.headers['set-cookie'], /^troupe\.sid=s%3A[\w-]{32}\..*; Path=\/; HttpOnly; SameSite=Lax$/)
  t.equal((await visitor.get('/')).headers['set-cookie'], undefined, 'nor does rolling')
  await cluster.lose('web-1', 'web-2')
  t.equal((await visitor.get('/')).text, '3', 'and the session outlives its web server')
})

t.test(
  'an app may take express-session out later, or put it in: each reads what the other has stored',
  async t => {
    const folder = t.testdir()
    const settings = {
      sessionServers: [{ name: 'a', store: 'lmdb', path: join(folder, 'a') }],
      session: { name: 'connect.sid' },
    }
    const before = await startCluster(t, { app: 'express-store', ...settings })
    const kept = visit(t, before.url)
    t.equal((await kept.get('/')).text, '1')
    await before.stop()

    const without = await startCluster(t, { app: 'counter', ...settings })
    const same = visit(t, without.url)
    for (const [name, value] of kept.cookies) same.cookies.set(name, value)
    t.equal((await same.get('/')).text, '2')
    const fresh = visit(t, without.url)
    t.equal((await fresh.get('/')).text, '1')
    await without.stop()

    const again = await startCluster(t, { app: 'express-store', ...settings })
    for (const [visitor, count] of [
      [same, '3'],
      [fresh, '2'],
    ] as const) {
      const back = visit(t, again.url)
      for (const [name, value] of visitor.cookies) back.cookies.set(name, value)
      t.equal((await back.get('/')).text, count)
    }
  },
)
