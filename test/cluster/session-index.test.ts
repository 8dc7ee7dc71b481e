/** Finding sessions by what is in them, and logging out everywhere, through real clusters that lose actors meanwhile. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { openGate, stopAtGate, type Visitor, visit } from '../support/visitor.js'

const WITH_INDEX = { app: 'everywhere', session: { indexes: { user: 'user' } } }

/** Visitors that have logged in as a user. */
async function devicesOf(t: Test, cluster: TestCluster, user: string, count: number): Promise<Visitor[]> {
  const devices = Array.from({ length: count }, () => visit(t, cluster.url))
  for (const device of devices) t.equal((await device.get(`/login?user=${user}`)).status, 302)
  return devices
}

async function idsOf(visitors: readonly Visitor[]): Promise<string[]> {
  const ids = await Promise.all(visitors.map(async visitor => (await visitor.get('/id')).text))
  return ids.sort()
}

async function foundOf(cluster: TestCluster, user: string): Promise<string[]> {
  return (await cluster.sessions.find({ user })).map(({ id }) => id).sort()
}

async function whoAre(visitors: readonly Visitor[]): Promise<string[]> {
  return Promise.all(visitors.map(async visitor => (await visitor.get('/whoami')).text))
}

t.test('sessions are found by an indexed value', async t => {
  const cluster = await startCluster(t, WITH_INDEX)

  t.test('as soon as their login is answered, wherever they and the index are', async t => {
    const devices = await devicesOf(t, cluster, 'ada', 6)
    t.same(await foundOf(cluster, 'ada'), await idsOf(devices))
    const [info] = await cluster.sessions.find({ user: 'ada' })
    t.match(info, { data: { user: 'ada' } })
    t.ok((info?.expires ?? 0) > Date.now())
  })

  t.test('by apps, too', async t => {
    const [device] = await devicesOf(t, cluster, 'ben', 3)
    t.equal((await device?.get('/mine'))?.text, '3')
  })

  t.test(
    'when a login changes a session that was there before, and waits for nothing or for save()',
    async t => {
      const visitors = [visit(t, cluster.url), visit(t, cluster.url)]
      for (const visitor of visitors) await visitor.get('/')
      await visitors[0]?.get('/enter?user=cid')
      t.equal((await visitors[1]?.get('/save-user?user=cid'))?.text, '"saved"')
      t.same(await foundOf(cluster, 'cid'), await idsOf(visitors))
    },
  )

  t.test('not any more once they are logged out, destroyed, or another user', async t => {
    const devices = await devicesOf(t, cluster, 'dan', 4)
    await devices[0]?.get('/logout')
    await devices[1]?.get('/leave')
    await devices[2]?.get('/enter?user=eve')
    t.same(await foundOf(cluster, 'dan'), await idsOf(devices.slice(3)))
    t.same(await foundOf(cluster, 'eve'), await idsOf(devices.slice(2, 3)))
  })

  t.test('again when they come back to a value', async t => {
    const devices = await devicesOf(t, cluster, 'flo', 1)
    await devices[0]?.get('/enter?user=gus')
    await devices[0]?.get('/enter?user=flo')
    t.same(await foundOf(cluster, 'flo'), await idsOf(devices))
    t.same(await foundOf(cluster, 'gus'), [])
  })

  t.test('by an index that there is, with a value that can be indexed', async t => {
    await t.rejects(cluster.sessions.find({ colour: 'red' }), { code: 'SESSION_INDEX_UNKNOWN' })
    await t.rejects(cluster.sessions.find({}), { code: 'SESSION_INDEX_UNKNOWN' })
    await t.rejects(cluster.sessions.find({ user: {} as string }), { code: 'SESSION_INDEX_UNKNOWN' })
    t.same(await cluster.sessions.find({ user: 'nobody' }), [])
    t.same(await cluster.sessions.find({ user: 'x'.repeat(5000) }), [])
  })

  t.test('that no cookie and no call can name', async t => {
    for (const call of [
      { op: 'get', id: '#user:ada' },
      { op: 'destroy', id: '#user:ada' },
    ]) {
      const { text } = await visit(t, cluster.url).get(
        `/call?call=${encodeURIComponent(JSON.stringify(call))}`,
      )
      t.equal(text, 'SESSION_CALL_INVALID')
    }
    for await (const id of cluster.sessions.ids()) t.notOk(id.startsWith('#'))
  })
})

t.test('log out everywhere', async t => {
  const cluster = await startCluster(t, WITH_INDEX)

  t.test('ends every session of the user, and no other', async t => {
    const devices = await devicesOf(t, cluster, 'ada', 5)
    const others = await devicesOf(t, cluster, 'ben', 2)
    t.equal((await devices[0]?.get('/everywhere'))?.text, '5')
    t.same(new Set(await whoAre(devices)), new Set(['nobody']))
    t.same(await whoAre(others), ['ben', 'ben'])
    t.same(await foundOf(cluster, 'ada'), [])
    t.equal(await cluster.sessions.destroyAll({ user: 'ada' }), 0)
  })

  t.test('wins against requests of those sessions that are running', async t => {
    const devices = await devicesOf(t, cluster, 'cid', 4)
    const old = devices.map(device => device.tab())
    const running = await Promise.all(devices.map(device => stopAtGate(device, '/late-write', 'late')))
    t.equal(await cluster.sessions.destroyAll({ user: 'cid' }), 4)
    await Promise.all(old.map(tab => openGate(tab, 'late')))
    for (const { answer } of running) t.equal((await answer).text, 'written', 'which are not failed for it')
    t.same(new Set(await whoAre(old)), new Set(['nobody']))
    t.same(await foundOf(cluster, 'cid'), [])
    await cluster.lose('web-1', 'web-2')
    t.same(new Set(await whoAre(old)), new Set(['nobody']), 'nor do the copies bring them back')
  })

  t.test('wins against requests that come all the time', async t => {
    const devices = await devicesOf(t, cluster, 'dan', 6)
    let isOver = false
    const busy = devices.map(async device => {
      const tab = device.tab()
      while (!isOver) await tab.tab().get('/')
    })
    const ended = await cluster.sessions.destroyAll({ user: 'dan' })
    isOver = true
    await Promise.all(busy)
    t.equal(ended, 6)
    t.same(await foundOf(cluster, 'dan'), [])
    t.same(new Set(await whoAre(devices)), new Set(['nobody']))
  })
})

t.test('the index outlives', async t => {
  const cluster = await startCluster(t, WITH_INDEX)
  const devices = await devicesOf(t, cluster, 'ada', 6)
  const ids = await idsOf(devices)

  t.test('each web server', async t => {
    for (const name of ['web-1', 'web-2']) {
      await cluster.lose(name)
      t.same(await foundOf(cluster, 'ada'), ids, `${name} was lost`)
    }
  })

  t.test('a session server', async t => {
    await cluster.whole()
    await cluster.lose('a')
    t.same(await foundOf(cluster, 'ada'), ids)
    await cluster.whole()
    await cluster.lose('b')
    t.same(await foundOf(cluster, 'ada'), ids)
  })

  t.test('logins while web servers die: whoever was let in is found', async t => {
    const visitors = Array.from({ length: 40 }, () => visit(t, cluster.url))
    const letIn: Visitor[] = []
    const logIn = async (visitor: Visitor): Promise<void> => {
      const { status } = await visitor.post('/login?user=ben')
      if (status === 302) letIn.push(visitor)
    }
    const killing = cluster.lose('web-1').then(() => cluster.lose('web-2'))
    for (let from = 0; from < visitors.length; from += 4) {
      await Promise.all(visitors.slice(from, from + 4).map(logIn))
    }
    await killing
    await cluster.whole()
    t.ok(letIn.length > 0)
    const found = new Set(await foundOf(cluster, 'ben'))
    for (const id of await idsOf(letIn)) t.ok(found.has(id))
  })

  t.test('sessions in use for longer than their first lifetime', async t => {
    const short = await startCluster(t, {
      ...WITH_INDEX,
      session: { ...WITH_INDEX.session, ttl: 1000 },
    })
    const [device] = await devicesOf(t, short, 'cid', 1)
    const end = Date.now() + 2500
    while (Date.now() < end) {
      t.equal((await device?.get('/whoami'))?.text, 'cid')
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    t.same(await foundOf(short, 'cid'), await idsOf(device === undefined ? [] : [device]))
    await until(async () => (await foundOf(short, 'cid')).length === 0)
    t.equal(await short.sessions.count(), 0, 'and nothing is left when they have ended')
  })
})

t.test('the index outlives the whole cluster, on disk', async t => {
  const folder = mkdtempSync(join(tmpdir(), 'troupe-index-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const config = {
    ...WITH_INDEX,
    sessionServers: ['a', 'b'].map(name => ({ name, store: 'lmdb', path: join(folder, name) })),
  }
  const first = await startCluster(t, config)
  const devices = await devicesOf(t, first, 'ada', 4)
  const ids = await idsOf(devices)
  await first.stop()
  const second = await startCluster(t, config)
  t.same(await foundOf(second, 'ada'), ids)
  t.equal(await second.sessions.destroyAll({ user: 'ada' }), 4)
})
