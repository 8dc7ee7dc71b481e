/** From express-session with connect-redis to Troupe, with everybody still logged in. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session from 'express-session'
import { createClient } from 'redis'
import t, { type Test } from 'tap'
import { startCluster } from '../support/cluster.js'
import { freePort } from '../support/free-port.js'
import { needs } from '../support/needs.js'
import { TestRedis } from '../support/redis.js'
import { type Visitor, visit } from '../support/visitor.js'
import { troupe } from './run.js'

needs('redis-server')

const SECRET = 'the secret of the old app'

/** The app as it was before: Express, express-session, connect-redis. @returns its URL */
async function startOldApp(t: Test, redis: TestRedis): Promise<string> {
  const client = createClient({ url: redis.url })
  await client.connect()
  const app = express()
  app.use(
    session({
      store: new RedisStore({ client }),
      secret: SECRET,
      resave: false,
      saveUninitialized: false,
      cookie: { maxAge: 3_600_000 },
    }),
  )
  app.get('/', (req, res) => {
    req.session.count = (req.session.count ?? 0) + 1
    res.send(String(req.session.count))
  })
  app.get('/login', (req, res) => {
    req.session.user = 'ada'
    res.send('ok')
  })
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
    client.destroy()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

function stores(folder: string) {
  return ['a', 'b'].map(name => ({ name, store: 'lmdb', path: join(folder, name) }))
}

/** The same browser at another server. */
function follow(t: Test, visitor: Visitor, url: string): Visitor {
  const next = visit(t, url)
  for (const [name, value] of visitor.cookies) next.cookies.set(name, value)
  return next
}

t.test(
  'an app with connect-redis moves to Troupe, and back and forth between imports nothing is lost',
  async t => {
    const redis = await TestRedis.start(t)
    const oldUrl = await startOldApp(t, redis)
    const cwd = t.testdir()
    const settings = { session: { secret: SECRET, name: 'connect.sid' }, sessionServers: stores(cwd) }
    t.testdir({ 'troupe.json': JSON.stringify({ app: 'app.js', ...settings }) })
    const run = () => troupe(['import', '--from', redis.url, '--config', 'troupe.json'], { cwd })

    const visitors = Array.from({ length: 12 }, () => visit(t, oldUrl))
    for (const visitor of visitors) await visitor.get('/')
    const [ada, bob, eve] = visitors as [Visitor, Visitor, Visitor]
    await ada.get('/login')
    await redis.command('SET', 'sess:broken', 'not JSON')
    await redis.command('SET', 'other:1', '{}')
    t.match(await run(), {
      code: 1,
      stdout: 'imported 12, updated 0, unchanged 0, kept as changed here since 0, ended 0, unusable 1\n',
      stderr: '',
    })
    await redis.command('DEL', 'sess:broken')
    const keys = await redis.keys('sess:*')
    t.equal(keys.length, 12, 'the Redis is as it was')
    t.match(await run(), { code: 0, stdout: /^imported 0, updated 0, unchanged 12, / }, 'it can be run twice')

    await bob.get('/')
    t.match(
      await run(),
      { code: 0, stdout: /^imported 0, updated 1, unchanged 11, / },
      'and brings what has changed',
    )

    const cluster = await startCluster(t, { app: 'counter', ...settings })
    const adaHere = follow(t, ada, cluster.url)
    const bobHere = follow(t, bob, cluster.url)
    const eveHere = follow(t, eve, cluster.url)
    t.equal((await adaHere.get('/whoami')).text, 'ada', 'she is still logged in')
    t.equal((await bobHere.get('/')).text, '3')
    await eveHere.post('/logout')
    for (const visitor of visitors.slice(3))
      t.equal((await follow(t, visitor, cluster.url).get('/read')).text, '1')
    const refused = await run()
    t.match(refused, { code: 2, stderr: /^troupe: The session servers can't be used: [^\n]+ stop it\.\n$/ })
    await cluster.stop()

    await bob.get('/')
    await ada.get('/')
    t.match(await run(), {
      code: 0,
      stdout: 'imported 0, updated 1, unchanged 9, kept as changed here since 1, ended 1, unusable 0\n',
    })
    const again = await startCluster(t, { app: 'counter', ...settings })
    t.equal((await follow(t, bobHere, again.url).get('/read')).text, '3', 'what was changed here has stayed')
    t.equal((await follow(t, ada, again.url).get('/read')).text, '2')
    t.equal((await follow(t, eve, again.url).get('/read')).text, 'none', 'who logged out here stays so')
  },
)

t.test('sessions keep the life that was left of them, and other prefixes are left alone', async t => {
  const redis = await TestRedis.start(t)
  const cwd = t.testdir()
  const settings = {
    session: { secret: SECRET, name: 'connect.sid', ttl: '1h' },
    sessionServers: stores(cwd),
  }
  t.testdir({ 'troupe.json': JSON.stringify({ app: 'app.js', ...settings }) })
  const text = JSON.stringify({ cookie: { originalMaxAge: null, expires: null, httpOnly: true, path: '/' } })
  await redis.command('SET', 'my[app]*:short', text, 'PX', '60000')
  await redis.command('SET', 'my[app]*:endless', text)
  await redis.command('SET', 'mya:other', text)
  const args = ['import', '--from', redis.url, '--prefix', 'my[app]*:', '--config', 'troupe.json']
  t.match(await troupe(args, { cwd }), { code: 0, stdout: /^imported 2, / })
})

t.test('what can not be done is one line, and the exit code is 2', async t => {
  const port = await freePort()
  const config = { app: 'app.js', session: { secret: SECRET }, sessionServers: stores(t.testdir()) }
  const cwd = t.testdir({
    'troupe.json': JSON.stringify(config),
    'memory.json': JSON.stringify({ app: 'app.js', session: { secret: SECRET } }),
  })
  const run = (from: string, file: string) => troupe(['import', '--from', from, '-c', file], { cwd })
  for (const [from, file, message] of [
    [`redis://127.0.0.1:${port}`, 'troupe.json', /--from: the Redis can't be read: .*ECONNREFUSED/],
    ['http://127.0.0.1', 'troupe.json', /--from: found "http:\/\/127\.0\.0\.1", expected a URL/],
    ['http://me:p@ss@127.0.0.1/0', 'troupe.json', /found "http:\/\/\*\*\*@127\.0\.0\.1\/0", expected a URL/],
    [`redis://127.0.0.1:${port}`, 'memory.json', /all keep their copies in memory/],
    [`redis://127.0.0.1:${port}`, 'none.json', /none\.json can't be read/],
  ] as const) {
    const done = await run(from, file)
    t.match(done, { code: 2, stdout: '', stderr: message })
    t.match(done.stderr, /^troupe: [^\n]+\n$/)
  }
  t.match(await troupe(['import', '--config', 'troupe.json'], { cwd }), { code: 2, stderr: /--from/ })
  const env = { TROUPE_IMPORT_FROM: `redis://127.0.0.1:${port}` }
  t.match(await troupe(['import', '--config', 'troupe.json'], { cwd, env }), {
    code: 2,
    stderr: /--from: the Redis can't be read: .*ECONNREFUSED/,
  })
})

t.test('a cluster that tells of itself is not disturbed', async t => {
  const redis = await TestRedis.start(t)
  const port = await freePort()
  const cluster = await startCluster(t, { admin: { port } })
  const config = {
    app: 'app.js',
    admin: { port },
    session: { secret: SECRET },
    sessionServers: stores(t.testdir()),
  }
  const cwd = t.testdir({ 'troupe.json': JSON.stringify(config) })
  t.match(await troupe(['import', '--from', redis.url, '-c', 'troupe.json'], { cwd }), {
    code: 2,
    stderr: /^troupe: A cluster of this configuration is running: [^\n]+\n$/,
  })
  t.ok(cluster.isReady())
})
