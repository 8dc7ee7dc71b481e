import { readdir, readFile, stat } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import type { ClusterStatus } from '../../lib/director/cluster.js'
import { freePort } from '../support/free-port.js'
import { until } from '../support/until.js'
import { APP, deployment, KEY, startOn as start } from './deployment.js'
import { Command, serve, troupe } from './run.js'

t.test('each host runs its part of one file, in any order of starts', async t => {
  const cwd = t.testdir({ 'app.js': APP, 'troupe.json': JSON.stringify(await deployment()) })
  const run = (host: string) => {
    const command = new Command(start(host), { cwd })
    t.teardown(() => command.process.kill('SIGKILL'))
    return command
  }
  const web = run('web-1')
  const stores = [run('store-1'), run('store-2')]
  await stores[0]?.printed(/"msg":"serves session server a at http:\/\/127\.0\.0\.1:\d+"/)
  await stores[1]?.printed(/"msg":"serves session server b at/)
  const [, url = '', admin = ''] = await web.printed(/"url":"(http:[^"]+)","adminUrl":"(http:[^"]+)"/)
  t.equal(await (await fetch(url)).text(), 'visit 1')
  const status = async () => (await (await fetch(`${admin}/status`)).json()) as ClusterStatus
  await until(async () => (await status()).partitions.underCopied === 0)
  t.match(await status(), {
    sessionServers: [
      { name: 'a', host: 'store-1', store: 'lmdb', state: 'running', sessions: 1 },
      { name: 'b', host: 'store-2', store: 'memory', state: 'running', sessions: 1 },
    ],
  })
  for (const command of [web, ...stores]) {
    command.process.kill('SIGTERM')
    t.match(await command.finished, { code: 0, stderr: '', stdout: /"msg":"stopped"\}\n/ })
  }
})

t.test('a cluster starts with the session servers that are there when the others do not come', async t => {
  const file = await deployment({ startTimeout: '500ms' })
  const cwd = t.testdir({ 'app.js': APP, 'troupe.json': JSON.stringify(file) })
  const web = new Command(start('web-1'), { cwd })
  t.teardown(() => web.process.kill('SIGKILL'))
  await web.printed(/"msg":"no session server is there: waits for one"/)
  const store = new Command(start('store-1'), { cwd })
  t.teardown(() => store.process.kill('SIGKILL'))
  await web.printed(/"missing":\["b"\],"startTimeoutMs":500,"msg":"starts without some session servers/)
  const [, url = ''] = await web.printed(/"msg":"open (http:[^"]+)"/)
  t.equal(await (await fetch(url)).text(), 'visit 1')
})

t.test('a start that can not be is one line on standard error and exit code 2', async t => {
  const taken = createServer()
  await new Promise<void>(resolve => taken.listen(0, '127.0.0.1', resolve))
  t.teardown(() => taken.close())
  const address = taken.address()
  const port = typeof address === 'object' ? address?.port : 0
  const a = { name: 'a', on: 'store-1', port, store: 'memory' }
  const cases: [host: string[], file: object, message: RegExp][] = [
    [['--host', 'store-9'], {}, /--host: found "store-9", expected .* one of web-1, store-1, store-2\.\n$/],
    [[], {}, /--host: found nothing/],
    [
      ['--host', 'store-1'],
      { cluster: {} },
      /cluster\.key: found nothing, expected a key, since there are session servers on other hosts/,
    ],
    [['--host', 'store-1'], { sessionServers: [a] }, /can't listen at 127\.0\.0\.1, port \d+/],
    [
      ['--host', 'store-1'],
      { sessionServers: [{ ...a, store: 'lmdb', path: 'app.js/a' }] },
      /the path of a, \S+app\.js\/a, can't be written \(ENOTDIR\)/,
    ],
    [
      ['--host', 'store-1'],
      { cluster: { key: KEY, tls: { ca: 'ca.pem', cert: 'c.pem', key: 'k.pem' } } },
      /cluster\.tls\.\w+: \S+\.pem can't be read \(ENOENT\)/,
    ],
    [
      ['--host', 'store-1'],
      { cluster: { key: KEY, tls: { ca: 'app.js', cert: 'app.js', key: 'app.js' } } },
      /cluster\.tls\.ca: \S+app\.js can't be used/,
    ],
  ]
  for (const [host, part, message] of cases) {
    const cwd = t.testdir({ 'app.js': APP, 'troupe.json': JSON.stringify(await deployment(part)) })
    const { code, stderr } = await troupe(['start', '--config', 'troupe.json', ...host], { cwd })
    t.equal(code, 2, stderr)
    t.match(stderr, message)
    // An invalid file is told with a line for each problem.
    t.match(stderr, /^troupe: ([^\n]+|[^\n]+ is not a valid configuration:\n {2}[^\n]+)\n$/)
  }
})

t.test(
  'a second process on the folder of a store is refused, tries again, and serves when it is free',
  async t => {
    const file = await deployment()
    const [a] = file.sessionServers
    const other = { ...file, sessionServers: [{ ...a, port: await freePort() }] }
    const cwd = t.testdir({
      'app.js': APP,
      'troupe.json': JSON.stringify(file),
      'other.json': JSON.stringify(other),
    })
    const run = (config: string) => {
      const command = new Command(['start', '--config', config, '--host', 'store-1'], { cwd })
      t.teardown(() => command.process.kill('SIGKILL'))
      return command
    }
    const first = run('troupe.json')
    await first.printed(/"msg":"session server started"/)
    const second = run('other.json')
    const refusal =
      /"err":\{"type":"StoreLockedError","message":"\S+ is in use by process (\d+)\.[^\n]*"code":"STORE_LOCKED"[^\n]*"msg":"lost"/
    const [, holder] = await second.printed(new RegExp(`${refusal.source}[^]*${refusal.source}`))
    t.equal(Number(holder), first.process.pid)
    t.equal(first.process.exitCode ?? second.process.exitCode, null, 'both go on')
    first.process.kill('SIGTERM')
    t.match(await first.finished, { code: 0, stderr: '' })
    await second.printed(/"msg":"session server started"/)
    second.process.kill('SIGTERM')
    t.match(await second.finished, { code: 0, stderr: '', stdout: /"msg":"stopped"\}\n/ })
  },
)

t.test('the secret of a secret file outlives the process, and so do its cookies and sessions', async t => {
  const file = {
    app: 'app.js',
    listen: { port: 0 },
    webServers: { threads: 2 },
    sessionServers: [{ name: 'a', store: 'lmdb', path: 'data/a' }],
    session: { secretFile: 'data/session-secret' },
  }
  const cwd = t.testdir({ 'app.js': APP, 'troupe.json': JSON.stringify(file) })
  const first = await serve(t, ['--config', 'troupe.json'], { cwd })
  const response = await fetch(first.url)
  t.equal(await response.text(), 'visit 1')
  const cookie = response.headers.get('set-cookie')?.split(';')[0] ?? ''
  first.command.process.kill('SIGKILL')
  await first.command.finished
  const path = join(cwd, 'data/session-secret')
  t.equal((await stat(path)).mode & 0o777, 0o600)
  t.match(await readFile(path, 'utf8'), /^[\w-]{43}\n$/)
  const second = await serve(t, ['--config', 'troupe.json'], { cwd })
  t.equal(await (await fetch(second.url, { headers: { cookie } })).text(), 'visit 2')
})

t.test('folders of stores are made for this user only, and none is shared by a link', async t => {
  const stores = (second: string) =>
    JSON.stringify({
      app: 'app.js',
      listen: { port: 0 },
      webServers: { threads: 2 },
      sessionServers: [
        { name: 'a', store: 'lmdb', path: 'data/stores/a' },
        { name: 'b', store: 'lmdb', path: second },
      ],
    })
  const cwd = t.testdir({
    'app.js': APP,
    'unwritable.json': stores('app.js/b'),
    'shared.json': stores('link/a'),
    'troupe.json': stores('data/stores/b'),
    link: t.fixture('symlink', 'data/stores'),
  })
  const refused = await troupe(['start', '--config', 'unwritable.json'], { cwd })
  t.match(refused, { code: 2, stderr: /^troupe: [^\n]+the path of b[^\n]+\(ENOTDIR\)[^\n]+\n$/ })
  t.notOk((await readdir(cwd)).includes('data'), 'one bad folder, and none is made')
  const { command } = await serve(t, ['--config', 'troupe.json'], { cwd })
  for (const folder of ['data', 'data/stores', 'data/stores/a', 'data/stores/b']) {
    t.equal((await stat(join(cwd, folder))).mode & 0o777, 0o700, folder)
  }
  command.process.kill('SIGTERM')
  await command.finished
  const shared = await troupe(['start', '--config', 'shared.json'], { cwd })
  t.match(shared, {
    code: 2,
    stderr: /^troupe: [^\n]+the path of b, \S+link\/a, leads to the folder of a[^\n]+\n$/,
  })
})
