/** A cluster is given new code and new settings while it is under load. */
import { setTimeout as rest } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { CommandProgress } from '../../lib/director/commands.js'
import { byName, startCluster, type TestCluster } from '../support/cluster.js'
import { Load } from '../support/load.js'
import { BROKEN, releases } from '../support/release.js'
import { until } from '../support/until.js'
import { Crowd, visit } from '../support/visitor.js'
import { cookieOf, WebSocketClient } from '../support/websocket-client.js'

const MEMORY = [
  { name: 'a', store: 'memory' },
  { name: 'b', store: 'memory' },
]
const CLIENTS = 64
/** Rest of a client between two requests, ms: leaves the machine something for the tests that run beside. `LOAD_PAUSE_MS=0` for none. */
const PAUSE_MS = Number(process.env.LOAD_PAUSE_MS ?? 25)
const RELOADS = 10

t.setTimeout(170_000)

const runningOf = async (cluster: TestCluster) => byName((await cluster.status()).webServers, of => of.state)

/** Sessions that had to be asked for at the session servers. */
async function missesOf(cluster: TestCluster): Promise<number> {
  const { webServers } = await (cluster as TestCluster & Measured).measures()
  return webServers.reduce((sum, { stats }) => sum + (stats?.cacheMisses ?? 0), 0)
}
interface Measured {
  measures(): Promise<{ webServers: readonly { stats: { cacheMisses: number } | null }[] }>
}

/** Visitors who come for the first time, several at any moment, whose sessions begin late in their requests. */
function comeAnew(url: string) {
  let isOver = false
  let came = 0
  const refused: string[] = []
  const come = async () => {
    while (!isOver) {
      came++
      const response = await fetch(`${url}/late`, { method: 'POST' })
      const text = await response.text()
      if (response.status !== 200 || text !== '1') refused.push(`${response.status} ${text}`)
      await rest(PAUSE_MS)
    }
  }
  const all = Array.from({ length: 16 }, come)
  const end = async () => {
    isOver = true
    await Promise.all(all)
    return { came, refused }
  }
  return { end }
}

async function releasesSeen(t: Test, cluster: TestCluster): Promise<Set<string>> {
  const answers = await Promise.all(Array.from({ length: 8 }, () => visit(t, cluster.url).get('/release')))
  return new Set(answers.map(({ text }) => text))
}

t.test('under load', async t => {
  const app = await releases(t)
  const cluster = await startCluster(t, { app: app.file, sessionServers: MEMORY })
  await cluster.whole()
  const load = new Load({ url: cluster.url, clients: CLIENTS, sessions: 1, pauseMs: PAUSE_MS })
  t.teardown(() => load.kill())
  await until(async () => (await load.report()).increments > 2 * CLIENTS)

  const newcomers = comeAnew(cluster.url)

  await t.test('ten reloads in a row fail no request, and new code serves after each', async t => {
    for (let turn = 1; turn <= RELOADS; turn++) {
      await app.release(`release ${turn}`)
      const { replaced } = await cluster.reload()
      t.equal(replaced.length, 2)
      t.same(await releasesSeen(t, cluster), new Set([`release ${turn}`]))
      t.same((await load.report()).failures, {})
    }
    t.same((await cluster.status()).webServers.length, 2)
  })

  for (const how of Object.keys(BROKEN) as (keyof typeof BROKEN)[]) {
    await t.test(`code that ${how} changes nothing`, async t => {
      const before = await runningOf(cluster)
      await app.break(how)
      await t.rejects(cluster.reload(), { code: 'RELOAD_FAILED', cause: Error })
      t.same(await runningOf(cluster), before, 'the same web servers run')
      t.same(await releasesSeen(t, cluster), new Set([`release ${RELOADS}`]))
    })
  }

  const { came, refused } = await newcomers.end()
  t.comment(`${came} newcomers`)
  t.same(refused, [], 'who has no session yet gets one')
  const { failures, violations, increments, requests } = await load.stop()
  t.comment(`${requests} requests, ${increments} increments`)
  t.same(failures, {})
  t.same(violations, [])
})

t.test('without load', async t => {
  const app = await releases(t)
  const raw = { app: app.file, sessionServers: MEMORY, drainTimeout: '400ms', session: {}, webServers: {} }
  let changed: Record<string, unknown> = raw
  const cluster = await startCluster(t, raw, () => changed)
  const crowd = new Crowd(t, cluster.url, 40)
  await crowd.get('/')
  await cluster.whole()

  await t.test('sessions move along: none has to be looked up at a session server afterwards', async t => {
    t.same(await crowd.get('/'), ['200 2'])
    await cluster.reload()
    t.equal(await missesOf(cluster), 0)
    t.same(await crowd.get('/'), ['200 3'])
    t.equal(await missesOf(cluster), 0, 'of the new web servers')
  })

  await t.test('they move from cache to cache: even while no session server is left', async t => {
    const letGo = await cluster.keepDown('a', 'b')
    await cluster.reload()
    t.same(await crowd.get('/read'), ['200 3'])
    letGo()
    await cluster.whole()
    await cluster.kill((await cluster.status()).webServers[0]?.name ?? '')
    t.same(await crowd.get('/read'), ['200 3'], 'and are copied when there are some again')
  })

  await t.test('a reload tells what it does, and names stay low', async t => {
    const steps: CommandProgress[] = []
    const before = Object.keys(await runningOf(cluster))
    const { replaced, webServers } = await cluster.reload({ onProgress: step => steps.push(step) })
    t.same(
      replaced.map(({ from }) => from),
      before,
    )
    t.ok(webServers.every(name => ['web-1', 'web-2', 'web-3'].includes(name)))
    t.same(
      steps.filter(({ step }) => step !== 'draining').map(({ step }) => step),
      ['starting', 'started', 'stopped', 'starting', 'started', 'stopped'],
    )
    t.ok(steps.some(each => each.step === 'draining' && each.partitions === 0))
  })

  await t.test('a second command meanwhile is refused', async t => {
    const reload = cluster.reload()
    await t.rejects(cluster.scale(3), { code: 'CLUSTER_BUSY' })
    await t.rejects(cluster.drain('web-1'), { code: 'CLUSTER_BUSY' })
    await reload
  })

  await t.test('what is in flight is waited for, and a stream is cut when its time is over', async t => {
    const visitor = visit(t, cluster.url)
    const waiting = visitor.get('/wait')
    const stream = visitor.get('/stream')
    await until(async () => (await cluster.status()).director.requestsInFlight === 2)
    changed = { ...raw, drainTimeout: '2s' }
    const reload = cluster.reload()
    await t.rejects(stream, 'the stream')
    t.match(await waiting, { status: 200, text: /^waited in/ })
    await reload
  })

  await t.test(
    'settings that may change do, those that need a restart are named and change nothing',
    async t => {
      const before = await runningOf(cluster)
      changed = {
        ...raw,
        session: { ttl: '10m', name: 'other' },
        listen: { maxInFlight: 7 },
        replication: { copies: 1 },
      }
      await t.rejects(cluster.reload(), {
        code: 'RELOAD_REFUSED',
        keys: ['listen.maxInFlight', 'replication.copies', 'session.name'],
      })
      changed = { ...raw, session: { secret: 'quite another secret than before' } }
      await t.rejects(cluster.reload(), { code: 'RELOAD_REFUSED', keys: ['session.secret'] })
      t.same(await runningOf(cluster), before)

      const [old, fresh] = ['a secret for tests only', 'quite another secret than before']
      changed = { ...raw, session: { secret: [old, fresh] } }
      await cluster.reload()
      changed = { ...raw, session: { secret: [fresh, old] }, webServers: { threads: 3 } }
      await cluster.reload()
      t.equal(Object.keys(await runningOf(cluster)).length, 3)
      t.same(await crowd.get('/'), ['200 4'], 'nobody has lost a session')
    },
  )
})

t.test('a WebSocket goes on until the drain timeout, and is then closed with 1001', async t => {
  const cluster = await startCluster(t, {
    app: 'websocket',
    webServers: { threads: 1 },
    sessionServers: MEMORY,
    drainTimeout: '1s',
  })
  const client = await WebSocketClient.open(`${cluster.url}/session`)
  t.teardown(() => client.socket.terminate())
  let sentWhileDraining = false
  const before = client.messages.length
  await cluster.reload({
    onProgress: ({ step }) => {
      if (step !== 'draining' || sentWhileDraining) return
      sentWhileDraining = true
      client.socket.send('still here')
    },
  })
  t.ok(client.messages.length > before, 'it was answered while its web server drained')
  t.match(await client.end(), { code: 1001 })
  const again = await fetch(cluster.url, { headers: { cookie: cookieOf(client.headers) } })
  t.match(await again.json(), { messages: 1, lines: ['still here'] }, 'and its session goes on')
})

t.test('a stop in the middle of a reload lets requests finish at the new web server too', async t => {
  const app = await releases(t)
  const cluster = await startCluster(t, {
    app: app.file,
    listen: { servedBy: true },
    webServers: { threads: 1 },
    sessionServers: MEMORY,
    drainTimeout: '20s',
  })
  const streaming = visit(t, cluster.url)
  await streaming.head('/stream')
  let isMoved = false
  const reload = cluster.reload({
    onProgress: step => {
      // The last one stays as long as the stream may begin a session.
      if (step.step === 'draining' && step.partitions <= 1) isMoved = true
    },
  })
  await until(() => isMoved)
  const waiting = visit(t, cluster.url).post('/wait')
  waiting.catch(() => {})
  await until(async () => (await cluster.status()).director.requestsInFlight === 2)
  const stopped = cluster.stop()
  await t.rejects(reload, { code: 'CLUSTER_STOPPING' })
  t.match(await waiting, { status: 200, servedBy: 'web-2' })
  await streaming.leave()
  await stopped
})

t.test('a stream that is cut at the end of its time cuts nothing short but itself', async t => {
  const app = await releases(t)
  const raw = {
    app: app.file,
    webServers: { threads: 1 },
    sessionServers: MEMORY,
    drainTimeout: '300ms',
  }
  const cluster = await startCluster(t, raw)
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  await visitor.head('/stream')
  let isOver = false
  const answers: string[] = []
  const post = async () => {
    while (!isOver) {
      const { status } = await visitor.tab().post('/late')
      if (status !== 200) answers.push(`${status}`)
    }
  }
  const posts = Promise.all(Array.from({ length: 4 }, post))
  await cluster.reload()
  isOver = true
  await posts
  t.same(answers, [], 'of requests of the same session, while its partition could not move')
})

t.test('losses in the middle of a reload', async t => {
  const app = await releases(t)
  const [old, fresh] = ['a secret for tests only', 'quite another secret than before']
  let secret = [old]
  let threads = 2
  const raw = () => ({
    app: app.file,
    sessionServers: MEMORY,
    session: { secret },
    webServers: { threads },
  })
  const cluster = await startCluster(t, raw(), raw)
  const crowd = new Crowd(t, cluster.url, 40)
  let count = 0
  const losses: Record<
    string,
    { readonly of: (step: CommandProgress) => string | null; readonly fails: boolean }
  > = {
    'of the old web server': { of: step => (step.step === 'draining' ? step.webServer : null), fails: false },
    'of the new web server': { of: step => (step.step === 'started' ? step.webServer : null), fails: true },
    'of a session server': { of: step => (step.step === 'draining' ? 'a' : null), fails: false },
  }
  for (const [what, { of, fails }] of Object.entries(losses)) {
    await t.test(`${what}: nothing is lost`, async t => {
      await cluster.whole()
      t.same(await crowd.post('/'), [`200 ${++count}`])
      let killed = false
      const onProgress = (step: CommandProgress) => {
        const name = of(step)
        if (name === null || killed) return
        killed = true
        void cluster.kill(name)
      }
      const reload = cluster.reload({ onProgress })
      if (fails) await t.rejects(reload, { code: 'RELOAD_FAILED' })
      else await reload
      t.ok(killed)
      t.same(await crowd.get('/read'), [`200 ${count}`])
      await cluster.whole()
      t.equal(Object.keys(await runningOf(cluster)).length, 2)
      t.same(await crowd.get('/read'), [`200 ${count}`])
    })
  }

  await t.test('a second web server that does not start leaves all served, by new and by old', async t => {
    const onProgress = ({ step }: CommandProgress) => {
      if (step === 'stopped') void app.break('throws')
    }
    await app.release('half')
    secret = [old, fresh]
    threads = 3
    const [first, second] = (await cluster.status()).webServers.map(({ name }) => name)
    await t.rejects(cluster.reload({ onProgress }), {
      code: 'RELOAD_INCOMPLETE',
      replaced: [{ from: first }],
      unchanged: [second],
    })
    t.same(await crowd.get('/read'), [`200 ${count}`])
    t.same(await releasesSeen(t, cluster), new Set(['half', 'first']))
    secret = [fresh, old]
    const rotation = cluster.reload()
    await t.rejects(rotation, { code: 'RELOAD_REFUSED', keys: ['session.secret'] }, 'an old one serves still')
    secret = [old, fresh]
    await app.release('mended')
    t.equal((await cluster.reload()).webServers.length, 3, 'what it was to change is made up for')
  })

  await t.test('a stop ends a reload', async t => {
    await app.release('last')
    const reload = cluster.reload()
    reload.catch(() => {})
    await cluster.stop()
    await t.rejects(reload, { code: 'CLUSTER_STOPPING' })
    await t.rejects(cluster.scale(1), { code: 'CLUSTER_STOPPING' })
    const { webServers } = await cluster.status()
    t.ok(webServers.every(({ state }) => state === 'down'))
  })
})
