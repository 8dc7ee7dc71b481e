/** Real frameworks through a real cluster, and apps that fail to load. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { pino } from 'pino'
import t from 'tap'
import { validateConfig } from '../../lib/config/validate.js'
import { start } from '../../lib/start.js'
import { startCluster } from '../support/cluster.js'
import { visit } from '../support/visitor.js'

for (const app of ['express-shop', 'koa-shop', 'fastify-shop', 'hono-shop']) {
  t.test(`${app}: sessions, login, logout and errors, across the loss of web servers`, async t => {
    const cluster = await startCluster(t, { app })
    const visitor = visit(t, cluster.url)
    t.equal((await visitor.get('/')).text, '1')
    t.equal((await visitor.get('/')).text, '2')
    const before = (await visitor.get('/id')).text
    await cluster.lose('web-1', 'web-2')
    t.equal((await visitor.get('/')).text, '3')
    t.equal((await visitor.get('/id')).text, before)

    const login = await visitor.form('/login', { user: 'ada' })
    t.match(login, { status: 302, headers: { location: '/whoami' } })
    t.not((await visitor.get('/id')).text, before)
    await cluster.lose('web-1', 'web-2')
    t.same(JSON.parse((await visitor.get('/whoami')).text), { user: 'ada' })

    const old = visitor.tab()
    t.equal((await visitor.post('/logout')).status, 204)
    t.equal(visitor.cookies.size, 0)
    t.same(JSON.parse((await old.get('/whoami')).text), { user: null })

    t.match(await visitor.get('/fail'), { status: 418, text: 'for the error handler' })
    t.equal((await visitor.get('/')).text, '1', 'what the framework handles ends nobody')
    const { webServers } = await cluster.whole()
    t.same(
      webServers.map(({ restarts }) => restarts),
      [2, 2],
    )
  })
}

const broken = {
  'a module that throws': "throw Object.assign(new Error('no database'), { code: 'E_DB', port: 5432 })",
  'a create that rejects': `export async function create() {
    throw Object.assign(new Error('no database'), { code: 'E_DB', port: 5432 })
  }`,
}

for (const [what, source] of Object.entries(broken)) {
  t.test(`${what} is why the cluster does not start, with code, fields and cause`, async t => {
    const folder = t.testdir({ 'app.mjs': source })
    const { config } = validateConfig(
      { app: 'app.mjs', listen: { port: 0 }, admin: { port: 0 } },
      { source: 'the test', folder, env: {} },
    )
    const log = pino({ level: 'silent' })
    await t.rejects(start(config, { log }), {
      code: 'APP_LOAD_FAILED',
      message: /app\.mjs could not be loaded: .*no database/,
      cause: { message: 'no database', code: 'E_DB', port: 5432, stack: /app\.mjs/ },
    })
  })
}

t.test('after a start that failed nothing is left: the process ends by itself', async t => {
  const lib = new URL('../../lib/', import.meta.url)
  const folder = t.testdir({
    'app.mjs': "throw new Error('never')",
    'main.mjs': `import { pino } from 'pino'
      import { validateConfig } from ${JSON.stringify(new URL('config/validate.js', lib).href)}
      import { start } from ${JSON.stringify(new URL('start.js', lib).href)}
      const raw = { app: 'app.mjs', listen: { port: 0 }, admin: { port: 0 } }
      const { config } = validateConfig(raw, { source: 'test', folder: import.meta.dirname, env: {} })
      await start(config, { log: pino({ level: 'silent' }) }).catch(error => console.log(error.code))`,
  })
  const { stdout } = await promisify(execFile)(process.execPath, [`${folder}/main.mjs`], { timeout: 60_000 })
  t.equal(stdout, 'APP_LOAD_FAILED\n')
})

t.test('a port that is taken is why the cluster does not start, and nothing is left', async t => {
  const cluster = await startCluster(t)
  const port = Number(new URL(cluster.url).port)
  await t.rejects(startCluster(t, { listen: { port } }), { code: 'EADDRINUSE', port })
  t.equal((await visit(t, cluster.url).get('/')).text, '1', 'whoever has it goes on')
})
