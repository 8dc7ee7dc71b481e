/** Clusters for people's own tests: all in this process, on this thread, around an app that is an object of the test. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { promisify } from 'node:util'
import Connect from 'connect'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import Koa from 'koa'
import t from 'tap'
import { WebSocket, WebSocketServer } from 'ws'
import { createTestCluster } from '../lib/embedding/test-cluster.js'
import { getSession } from '../lib/index.js'
import { visit } from './support/visitor.js'

declare module '../lib/index.js' {
  interface SessionData {
    count?: number
  }
}

interface WithSession {
  readonly session: { count?: number }
}

/** Counts the visits of a session. */
function count({ session }: WithSession): string {
  session.count = (session.count ?? 0) + 1
  return String(session.count)
}

function expressApp() {
  const app = express()
  app.get('/', (req, res) => void res.send(count(req as unknown as WithSession)))
  app.get('/fail', () => {
    throw new Error('for the error handler')
  })
  return app
}

const apps: Record<string, () => unknown> = {
  'an Express app': expressApp,
  'a Connect app': () => Connect().use((req, res) => void res.end(count(req as unknown as WithSession))),
  'a Koa app': () =>
    new Koa().use(ctx => {
      ctx.body = count(ctx.req as unknown as WithSession)
    }),
  'a Fastify instance': () => {
    const app = fastify()
    app.get('/', async request => count(request as unknown as WithSession))
    return app
  },
  'a Hono app': () =>
    new Hono().get('/', c => c.text(count({ session: getSession(c.req.raw) as { count?: number } }))),
  'an http.Server': () => createServer((req, res) => res.end(count(req as unknown as WithSession))),
  'a listener': () => (req: WithSession, res: { end(text: string): void }) => res.end(count(req)),
}

for (const [what, make] of Object.entries(apps)) {
  t.test(`${what} keeps its sessions over the crash of every web server`, async t => {
    const cluster = await createTestCluster(make())
    t.teardown(() => cluster.stop())
    const visitor = visit(t, cluster.url)
    t.match(await visitor.get('/'), { status: 200, text: '1' })
    t.match(await visitor.get('/'), { status: 200, text: '2' })
    await cluster.crash()
    t.match(await visitor.get('/'), { status: 200, text: '3' })
  })
}

t.test('a cluster is ready at once, and is a whole one', async t => {
  await (await createTestCluster(expressApp())).stop()
  const startedAt = performance.now()
  await using cluster = await createTestCluster(expressApp(), { webServers: { threads: 3 } })
  t.comment(`started in ${Math.round(performance.now() - startedAt)} ms`)
  t.ok(cluster.isReady())
  t.match(cluster.url, /^http:\/\/127\.0\.0\.1:\d+$/)
  const { webServers, sessionServers } = await cluster.status()
  t.same([webServers.length, sessionServers.map(({ name }) => name)], [3, ['a', 'b']])
})

t.test('sessions survive the crash of a session server, and what the app did not handle', async t => {
  await using cluster = await createTestCluster(expressApp())
  const visitor = visit(t, cluster.url)
  t.equal((await visitor.get('/')).text, '1')
  await cluster.crash('a')
  t.equal((await visitor.get('/fail')).status, 500)
  await cluster.crash('b', 'web-1')
  t.equal((await visitor.get('/')).text, '2')
  await t.rejects(cluster.crash('web-9'), { code: 'UNKNOWN_ACTOR' })
})

t.test('several clusters at once know nothing of each other', async t => {
  const app = expressApp()
  await using one = await createTestCluster(app)
  await using other = await createTestCluster(app)
  const visitor = visit(t, one.url)
  t.equal((await visitor.get('/')).text, '1')
  t.equal((await visitor.get('/')).text, '2')
  const stranger = visit(t, other.url)
  for (const [name, value] of visitor.cookies) stranger.cookies.set(name, value)
  t.equal((await stranger.get('/')).text, '1')
  await one.stop()
  t.equal((await stranger.get('/')).text, '2')
})

t.test('WebSockets of ws, whose server is the app', async t => {
  const server = createServer((req, res) => res.end(count(req as unknown as WithSession)))
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket, req) => {
    socket.on('message', data => socket.send(`${data} ${count(req as unknown as WithSession)}`))
  })
  await using cluster = await createTestCluster(server)
  const visitor = visit(t, cluster.url)
  await visitor.get('/')
  const socket = new WebSocket(cluster.url.replace('http', 'ws'), {
    headers: { cookie: visitor.cookieHeader },
  })
  await once(socket, 'open')
  socket.send('hello')
  t.equal(String((await once(socket, 'message'))[0]), 'hello 2')
  socket.close()
  await once(socket, 'close')
  t.equal((await visitor.get('/')).text, '3')
})

t.test(
  'a module by its path: one that exports, and an unmodified one that listens, also a second time',
  async t => {
    const folder = t.testdir({
      'exports.mjs': `export default (req, res) => res.end('exported')`,
      'listens.mjs': `import { createServer } from 'node:http'
      createServer((req, res) => res.end('listens')).listen(3000)`,
    })
    for (const name of ['exports', 'listens', 'listens']) {
      await using cluster = await createTestCluster(`${folder}/${name}.mjs`)
      t.equal((await visit(t, cluster.url).get('/')).text, name === 'exports' ? 'exported' : name)
    }
  },
)

t.test('what is no app, and a configuration that is none, are told', async t => {
  for (const value of [null, undefined, 5, {}]) {
    await t.rejects(createTestCluster(value), { code: 'NOT_AN_APP', message: /createTestCluster: found/ })
  }
  await t.rejects(createTestCluster(expressApp(), { session: { ttl: 'soon' } }), {
    code: 'CONFIG_INVALID',
    message: /session\.ttl/,
  })
  const broken = fastify()
  broken.addHook('onReady', done => done(new Error('no database')))
  await t.rejects(createTestCluster(broken), { code: 'APP_LOAD_FAILED', message: /no database/ })
})

t.test('after stop nothing is left: no handlers, and the process ends by itself', async t => {
  const entry = JSON.stringify(new URL('../lib/embedding/test-cluster.js', import.meta.url).href)
  const folder = t.testdir({
    'main.mjs': `import { createTestCluster } from ${entry}
      const events = () => process.eventNames().map(name => [String(name), process.listenerCount(name)]).sort().join()
      const before = events()
      const app = (req, res) => res.end('ok')
      const clusters = await Promise.all([createTestCluster(app), createTestCluster(app)])
      for (const { url } of clusters) await (await fetch(url)).text()
      await clusters[0].crash()
      for (const cluster of clusters) await cluster.stop()
      await createTestCluster(new URL('./broken.mjs', import.meta.url)).catch(error => console.log(error.code))
      console.log(events() === before || events())`,
    'broken.mjs': "throw new Error('never')",
  })
  const { stdout } = await promisify(execFile)(process.execPath, [`${folder}/main.mjs`], { timeout: 20_000 })
  t.equal(stdout, 'APP_LOAD_FAILED\ntrue\n')
})
