/** Programs that run a cluster: `start` of 'troupe'. */
import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { pino } from 'pino'
import t from 'tap'
import { AppLoadError, type Cluster, ConfigInvalidError, start, TroupeError } from '../lib/index.js'
import { appFile } from './support/cluster.js'
import { until } from './support/until.js'
import { visit } from './support/visitor.js'

const SECRET = 'a secret for tests only'
const listen = { host: '127.0.0.1', port: 0 }

t.test('a cluster from an object: sessions, status, events, kill and stop', async t => {
  const cluster: Cluster = await start(
    { app: appFile('counter'), listen, webServers: { threads: 2 }, session: { secret: SECRET } },
    { log: false },
  )
  t.teardown(() => cluster.stop())
  const told: string[] = []
  cluster.once('ready', () => told.push('ready'))
  cluster.on('actor:ended', ({ actor, how }) => told.push(`${actor} ${how}`))
  cluster.on('takeover', ({ from, partitions }) => told.push(`takeover of ${partitions > 0} from ${from}`))
  const started = (name: string) =>
    new Promise<void>(resolve => {
      const onStarted = ({ actor }: { readonly actor: string }): void => {
        if (actor !== name) return
        cluster.off('actor:started', onStarted)
        resolve()
      }
      cluster.on('actor:started', onStarted)
    })
  t.ok(cluster.isReady())
  t.same(cluster.urls, [cluster.url])
  t.equal(cluster.adminUrl, null)
  const visitor = visit(t, cluster.url)
  t.equal((await visitor.get('/')).text, '1')
  const back = started('web-1')
  await cluster.kill('web-1')
  await back
  t.equal((await visitor.get('/')).text, '2')
  await until(() => told.length >= 3)
  t.same(told, ['ready', 'web-1 killed', 'takeover of true from web-1'])
  t.match(await cluster.status(), {
    director: { state: 'running' },
    webServers: [{ restarts: 1 }, { restarts: 0 }],
  })
  let stopped = false
  cluster.on('stopped', () => {
    stopped = true
  })
  await cluster.stop()
  await until(() => stopped)
  t.notOk(cluster.isReady())
  await t.rejects(fetch(cluster.url))
})

t.test('a configuration file, what is stronger than it, and a secret of its environment', async t => {
  const folder = t.testdir({
    'troupe.json': JSON.stringify({
      app: './app.mjs',
      listen: { ...listen, servedBy: true },
      webServers: { threads: 4 },
      session: { secretFile: './secret' },
    }),
    'app.mjs': "export default (req, res) => res.end('hello')",
  })
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: line => lines.push(line) })
  await using cluster = await start({ config: pathToFileURL(`${folder}/troupe.json`), threads: 1 }, { log })
  t.match(await visit(t, cluster.url).get('/'), { text: 'hello', servedBy: 'web-1' })
  t.equal((await cluster.status()).webServers.length, 1)
  t.ok(existsSync(`${folder}/secret`), 'a file that it was told of')
  t.same(lines, [])
})

t.test('errors are those of the command line, all with their class and code', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  t.teardown(() => taken.close())
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const folder = t.testdir({ 'app.mjs': "throw new Error('no database')", 'bad.json': '{' })
  const app = `${folder}/app.mjs`
  const cases: [string, () => Promise<Cluster>, RegExp][] = [
    ['CONFIG_INVALID', () => start({ app, listen: { port: -1 } }), /listen\.port: found -1/],
    ['CONFIG_INVALID', () => start({ app: 5 } as never), /app: found 5/],
    ['CONFIG_SYNTAX', () => start({ config: `${folder}/bad.json` }), /bad\.json/],
    ['CONFIG_UNREADABLE', () => start({ config: `${folder}/none.json` }), /no such file/],
    ['APP_UNREADABLE', () => start({ app: `${folder}/none.mjs`, listen }, { log: false }), /does not exist/],
    ['PORT_UNAVAILABLE', () => start({ app, listen: { ...listen, port } }, { log: false }), /is in use/],
    ['HOST_UNKNOWN', () => start({ app }, { host: 'web-9' }), /has no hosts/],
    ['APP_LOAD_FAILED', () => start({ app, listen }, { log: false }), /no database/],
  ]
  for (const [code, run, message] of cases) {
    const error: unknown = await run().catch((thrown: unknown) => thrown)
    t.match(error, { code, message }, code)
    t.ok(error instanceof TroupeError, code)
    if (code === 'CONFIG_INVALID') t.ok(error instanceof ConfigInvalidError)
    if (code === 'APP_LOAD_FAILED') t.ok(error instanceof AppLoadError)
  }
})

t.test('a host without web servers is told to run the command', async t => {
  const configuration = {
    app: appFile('counter'),
    hosts: { web: '127.0.0.1', store: '127.0.0.2' },
    webServers: { on: 'web' },
    sessionServers: [{ name: 'a', on: 'store', port: 7400 }],
    cluster: { key: 'a key that is long enough for a test of mine' },
  }
  await t.rejects(start(configuration, { host: 'store' }), {
    code: 'HOST_WITHOUT_WEB_SERVERS',
    message: /troupe start --config FILE --host store/,
  })
})

t.test(
  'without a secret a random one is made, with a warning; no file is written, no handler is left',
  async t => {
    const entry = JSON.stringify(new URL('../lib/index.js', import.meta.url).href)
    const folder = t.testdir({
      'app.mjs': "export default (req, res) => res.end('hello')",
      'main.mjs': `import { start } from ${entry}
      import { readdirSync } from 'node:fs'
      const signals = () => ['SIGTERM', 'SIGINT', 'uncaughtException'].map(name => process.listenerCount(name)).join()
      const before = signals()
      const app = new URL('./app.mjs', import.meta.url)
      const cluster = await start({ app, listen: { port: 0 }, webServers: { threads: 1 }, log: { level: 'warn' } })
      console.log(await (await fetch(cluster.url)).text())
      console.log(signals() === before, readdirSync('.').join())
      await cluster.stop()`,
    })
    const { stdout } = await promisify(execFile)(process.execPath, ['main.mjs'], {
      cwd: folder,
      timeout: 60_000,
    })
    const [warning = '', ...rest] = stdout.trimEnd().split('\n')
    t.match(JSON.parse(warning), { level: 40, msg: /session\.secret is not set: a random one was made/ })
    t.same(rest, ['hello', 'true app.mjs,main.mjs'])
  },
)
