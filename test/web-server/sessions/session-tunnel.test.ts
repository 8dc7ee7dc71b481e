/** The session of a tunnel: shared and hosted for as long as it is open, committed as it changes, never brought back. */
import t from 'tap'
import { type Partition, partitionOf } from '../../../lib/replication/ids.js'
import { claimedId } from '../../../lib/web-server/sessions/cookie-value.js'
import { Browser, Replicas, type Request, visit, WebServer } from './session-harness.js'

const server = (options: ConstructorParameters<typeof WebServer>[1] = {}) =>
  new WebServer(new Replicas('a', 'b'), options)

/** An upgrade whose answer's head has gone out. */
async function tunnel(web: WebServer, browser: Browser): Promise<Request> {
  const request = await web.open(browser)
  browser.receive(request.use.head())
  const acknowledged = request.use.acknowledged()
  web.deliver()
  await acknowledged
  request.use.stay()
  return request
}

function partitionOfSession({ header }: Browser): Partition {
  return partitionOf(claimedId(decodeURIComponent(header?.slice('sid='.length) ?? '')) ?? '')
}

/** The end of a tick, and the messages that it sent. */
async function tick(web: WebServer): Promise<void> {
  await new Promise(resolve => setImmediate(resolve))
  web.deliver()
}

t.test('what a tunnel changes is committed at the end of the tick, once', async t => {
  const web = server()
  const browser = await visit(web, { user: 'ann', list: [] })
  const open = await tunnel(web, browser)
  const before = web.mutations.length
  open.session.a = 1
  open.session.b = 2
  ;(open.session.list as number[]).push(3)
  t.equal(web.mutations.length, before)
  await tick(web)
  t.equal(web.mutations.length, before + 1)
  t.match(JSON.parse(web.mutations.at(-1)?.data ?? ''), { a: 1, b: 2, list: [3] })
  t.equal(open.session.user, 'ann')
  await tick(web)
  t.equal(web.mutations.length, before + 1, 'reading commits nothing')
  open.close()
})

t.test('save commits what a handler did to an object from before, and waits for the copies', async t => {
  const web = server()
  const browser = await visit(web, { list: [] })
  const request = await web.open(browser)
  const list = request.session.list as number[]
  request.use.head()
  request.use.stay()
  await tick(web)
  list.push(1)
  const saved = request.session.save()
  web.deliver()
  await saved
  t.match(JSON.parse(web.mutations.at(-1)?.data ?? ''), { list: [1] })
  request.close()
})

t.test(
  'what was done to an object from before is committed at the end of the tunnel at the latest',
  async t => {
    for (const isChanged of [true, false]) {
      const web = server()
      const browser = await visit(web, { list: [] })
      const open = await tunnel(web, browser)
      const list = open.session.list as number[]
      await tick(web)
      const before = web.mutations.length
      if (isChanged) list.push(1)
      await tick(web)
      open.close()
      web.deliver()
      t.equal(web.mutations.length, isChanged ? before + 1 : before)
      await web.request(browser, session => t.same(session.list, isChanged ? [1] : []))
      t.same(web.reported, [])
    }
  },
)

t.test('requests and tunnels share one live session', async t => {
  const web = server()
  const browser = await visit(web)
  const open = await tunnel(web, browser)
  open.session.n = 1
  await web.request(browser, session => {
    session.n = Number(session.n) + 1
  })
  t.equal(open.session.n, 2)
  open.close()
})

t.test(
  'a tunnel keeps its session in the cache and its partition in use, but is not worth waiting for',
  async t => {
    const web = server({ maxBytes: 10_000 })
    const browser = await visit(web)
    const partition = partitionOfSession(browser)
    const open = await tunnel(web, browser)
    t.equal(web.host.inUse(partition), 1)
    t.ok(web.host.isHeldByTunnels(partition))
    const request = await web.open(browser)
    t.notOk(web.host.isHeldByTunnels(partition), 'a request uses it as well')
    request.close()
    for (let index = 0; index < 30; index++) await visit(web, { text: 'x'.repeat(1_000) })
    web.reads = 0
    await web.request(browser, session => t.equal(session.user, 'ann'))
    t.equal(web.reads, 0, 'it was not evicted')
    open.close()
    open.close()
    t.equal(web.host.inUse(partition), 0)
    t.notOk(web.host.isHeldByTunnels(partition))
  },
)

t.test('a request can reload its session while tunnels use it, not while requests do', async t => {
  const web = server()
  const browser = await visit(web)
  const open = await tunnel(web, browser)
  const request = await web.open(browser)
  request.session.user = 'bob'
  await request.session.reload()
  t.equal(request.session.user, 'ann')
  const other = await web.open(browser)
  request.session.user = 'bob'
  await t.rejects(request.session.reload(), { code: 'SESSION_IN_USE' })
  other.close()
  request.close()
  open.close()
})

t.test('a tunnel never brings back a session that was destroyed, regenerated or has expired', async t => {
  for (const end of ['destroy', 'regenerate', 'expire'] as const) {
    const web = server()
    const browser = await visit(web)
    const tab = browser.copy()
    const open = await tunnel(web, tab)
    if (end === 'expire') web.time.now += web.config.ttlMs + 1
    else {
      await web.request(browser, async session => {
        const ended = session[end]()
        web.deliver()
        await ended
      })
    }
    const before = web.mutations.filter(({ data }) => data !== null).length
    open.session.user = 'eve'
    await tick(web)
    open.session.more = 'still here'
    open.close()
    await tick(web)
    t.equal(web.mutations.filter(({ data }) => data !== null).length, before, end)
    await web.request(tab.copy(), session => t.equal(session.user, undefined))
    t.same(
      web.reported.map(error => 'code' in error && error.code),
      end === 'expire' ? ['SESSION_CLOSED', 'SESSION_CLOSED'] : [],
    )
  }
})

t.test('a tunnel that uses its session keeps it alive, an idle one does not', async t => {
  const web = server()
  const browser = await visit(web)
  const idle = await visit(web)
  const open = await tunnel(web, browser)
  const quiet = await tunnel(web, idle)
  for (let step = 0; step < 4; step++) {
    web.time.now += web.config.ttlMs / 2
    t.equal(open.session.user, 'ann')
    await tick(web)
  }
  await web.request(browser, session => t.equal(session.user, 'ann'))
  await web.request(idle, session => t.equal(session.user, undefined))
  open.close()
  quiet.close()
  t.same(web.reported, [])
})

t.test('a session that begins in a tunnel is not stored: no browser has its cookie', async t => {
  const web = server()
  const open = await tunnel(web, new Browser())
  open.session.user = 'ann'
  await tick(web)
  await t.rejects(open.session.save(), { code: 'SESSION_CLOSED' })
  await t.rejects(open.session.regenerate(), { code: 'SESSION_CLOSED' })
  open.close()
  await tick(web)
  t.same(web.mutations, [])
})

t.test('the last partition is not kept for tunnels, which begin no session that is stored', async t => {
  const web = server({ partitions: [7 as Partition] })
  const visitor = await web.open(new Browser())
  t.notOk(web.host.mayGiveUp(7 as Partition), 'a request may')
  visitor.use.head()
  visitor.use.stay()
  t.ok(web.host.mayGiveUp(7 as Partition))
  visitor.close()
  const other = await web.open(new Browser())
  t.notOk(web.host.mayGiveUp(7 as Partition), 'counted once')
  other.close()
  t.ok(web.host.mayGiveUp(7 as Partition))
})

t.test('a tunnel that closes without having answered commits as a request does', async t => {
  const web = server()
  const browser = await visit(web)
  const request = await web.open(browser)
  request.session.n = 1
  request.close()
  web.deliver()
  await web.request(browser, session => t.equal(session.n, 1))
})
