/** Session calls between web servers, and from the director, while actors are lost. */
import t from 'tap'
import { partitionOf } from '../../lib/replication/ids.js'
import type { SessionCall } from '../../lib/transport/session-calls.js'
import { sessionsOf, startCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { type Visitor, visit } from '../support/visitor.js'

const LATER = Date.now() + 600_000

/** Asks the web server that serves this visitor. @returns the answer, or the code of the error */
async function ask(visitor: Visitor, call: object): Promise<unknown> {
  const { text } = await visitor.get(`/call?call=${encodeURIComponent(JSON.stringify(call as SessionCall))}`)
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

t.test('calls from every web server reach every session', async t => {
  const cluster = await startCluster(t, {
    app: 'everywhere',
    listen: { parkTimeout: 5000 },
    session: { maxBytes: 4096 },
  })
  // New sessions are of the web server that made them: two visitors at two web servers.
  const first = visit(t, cluster.url)
  const second = visit(t, cluster.url)
  const { servedBy } = await first.get('/')
  await until(async () => {
    second.cookies.clear()
    return (await second.get('/')).servedBy !== servedBy
  })
  const ids = Array.from({ length: 16 }, (_, index) => `an id of ${index}, by an app: ÿ€`)

  t.test('what one sets the other gets, touches and destroys', async t => {
    for (const [index, id] of ids.entries()) {
      const data = JSON.stringify({ index, cookie: { path: '/' } })
      t.equal(await ask(first, { op: 'set', id, data, expires: LATER }), null)
      t.match(await ask(second, { op: 'get', id }), { id, expires: LATER })
      t.same(JSON.parse(((await ask(second, { op: 'get', id })) as { data: string }).data), JSON.parse(data))
      t.equal(await ask(second, { op: 'touch', id, expires: LATER + 1 }), true)
      t.match(await ask(first, { op: 'get', id }), { expires: LATER + 1 })
    }
    const [id = ''] = ids
    t.equal(await ask(second, { op: 'destroy', id }), true)
    t.equal(await ask(first, { op: 'get', id }), null)
    t.equal(await ask(first, { op: 'destroy', id }), false)
    t.equal(await ask(first, { op: 'touch', id, expires: LATER }), false)
    t.equal(await ask(first, { op: 'set', id, data: '{}', expires: LATER }), 'SESSION_ENDED')
  })

  t.test('errors keep their codes on the way', async t => {
    const [, id = ''] = ids
    for (const asking of [first, second]) {
      t.equal(
        await ask(asking, { op: 'set', id, data: `{"a":"${'x'.repeat(5000)}"}`, expires: LATER }),
        'SESSION_TOO_LARGE',
      )
      t.equal(await ask(asking, { op: 'set', id, data: 'no JSON', expires: LATER }), 'SESSION_CALL_INVALID')
      t.equal(await ask(asking, { op: 'set', id, data: '{}' }), 'SESSION_CALL_INVALID')
      for (const bad of ['', '#user:ada', 'x'.repeat(257), '€'.repeat(86), '\ud800', 7, null]) {
        t.equal(await ask(asking, { op: 'get', id: bad }), 'SESSION_CALL_INVALID')
      }
    }
  })

  t.test('a session of a browser can be read, and ended, from anywhere', async t => {
    const id = (await first.get('/id')).text
    t.same(await cluster.sessions.get(id), {
      ...{ id, data: { count: 1 } },
      expires: (await cluster.sessions.get(id))?.expires,
    })
    t.match(await ask(second, { op: 'get', id }), { data: '{"count":1}' })
    t.equal(await cluster.sessions.destroy(id), true)
    t.equal(await cluster.sessions.get(id), null)
    t.equal((await first.get('/read')).text, 'none')
  })

  t.test('every session is listed once, none that has ended', async t => {
    const listed: string[] = []
    for await (const id of cluster.sessions.ids()) listed.push(id)
    const own = (await second.get('/id')).text
    t.same(listed.sort(), [...ids.slice(1), own].sort())
    t.equal(await cluster.sessions.count(), listed.length)
    const [, id = ''] = ids
    t.same(await ask(first, { op: 'ids', partition: partitionOf(id) }), [id])
  })

  t.test('what was set survives web servers and session servers', async t => {
    for (const name of ['web-1', 'web-2', 'a', 'b']) {
      await cluster.whole()
      await cluster.lose(name)
      for (const id of ids.slice(1)) t.ok(await cluster.sessions.get(id), `after the loss of ${name}`)
      t.equal(await cluster.sessions.get(ids[0] ?? ''), null)
    }
  })

  t.test('calls wait for the next owner while web servers die', async t => {
    await cluster.whole()
    const lost = Promise.all([cluster.lose('web-1'), cluster.lose('web-2')])
    const answers = await Promise.all(ids.slice(1).map(id => cluster.sessions.get(id)))
    t.ok(answers.every(answer => answer !== null))
    await lost
    await Promise.all(ids.slice(1).map(id => cluster.sessions.destroy(id)))
    for (const id of ids) t.equal(await cluster.sessions.get(id), null)
    await cluster.lose('web-1')
    for (const id of ids) t.equal(await cluster.sessions.get(id), null, 'and it stays destroyed')
  })

  t.test('calls are answered when nobody can', async t => {
    const letGo = await cluster.keepDown('web-1', 'web-2')
    await t.rejects(cluster.sessions.get(ids[1] ?? ''), { code: 'SESSION_UNAVAILABLE' })
    letGo()
    await cluster.whole()
    const overtaken = cluster.sessions.get('one that the stop overtakes').catch(({ code }) => code)
    await cluster.stop()
    t.ok(
      [null, 'SESSION_UNAVAILABLE'].includes(await overtaken),
      'it is answered, or told that it will not be',
    )
    await t.rejects(cluster.sessions.get('another'), { code: 'SESSION_UNAVAILABLE' })
  })
})

t.test('sessions that a small cache has dropped are listed and read as others', async t => {
  const cluster = await startCluster(t, {
    app: 'everywhere',
    cache: { maxBytes: 70_000 },
    session: { maxBytes: 65_536 },
  })
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  const ids = Array.from({ length: 60 }, (_, index) => `session ${index}`)
  const data = JSON.stringify({ text: 'x'.repeat(2000) })
  for (const id of ids) t.equal(await ask(visitor, { op: 'set', id, data, expires: LATER }), null)
  await until(async () => sessionsOf((await cluster.status()).webServers) < ids.length)
  const listed: string[] = []
  for await (const id of cluster.sessions.ids()) listed.push(id)
  t.same(listed.sort(), [(await visitor.get('/id')).text, ...ids].sort())
  for (const id of ids) t.match(await cluster.sessions.get(id), { id })
})
