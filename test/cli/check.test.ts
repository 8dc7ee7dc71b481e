// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how a configuration names a variable
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { troupe } from './run.js'

const APP = 'export default (request, response) => response.end()\n'

t.test('a valid file is told with what it means', async t => {
  const config = {
    app: 'app.js',
    session: { secret: '${KEY}' },
    listen: { port: 3000 },
    webServers: { threads: 4 },
  }
  const cwd = t.testdir({ 'app.js': APP, 'troupe.json': JSON.stringify(config) })
  const done = await troupe(['check', '--config', 'troupe.json'], { cwd, env: { KEY: 'sixteen characters' } })
  t.same(done, {
    code: 0,
    stdout:
      `troupe.json is valid: ${join(cwd, 'app.js')} on 127.0.0.1:3000, web servers: 4, ` +
      'session servers: a, b, copies of each session: 2, acks: one\n',
    stderr: '',
  })
})

t.test('a missing secret is a warning, not an error', async t => {
  const cwd = t.testdir({ 'app.js': APP, 'troupe.json': '{ "app": "app.js" }' })
  const { code, stderr } = await troupe(['check', '-c', 'troupe.json'], { cwd })
  t.equal(code, 0)
  t.match(
    stderr,
    /^warning: session\.secret is not set: [^\n]*sessions will not outlive this process[^\n]*\n$/,
  )
})

t.test('every problem of a file is one line on standard error, and the exit code is 2', async t => {
  const config = { listen: { port: 'x', prot: 1 }, session: { secret: '' }, drainTimeout: '${NONE}' }
  const cwd = t.testdir({ 'troupe.json': JSON.stringify(config) })
  const { code, stdout, stderr } = await troupe(['check', '--config', 'troupe.json'], { cwd })
  t.equal(code, 2)
  t.equal(stdout, '')
  const [first, ...lines] = stderr.trimEnd().split('\n')
  t.equal(first, `troupe: ${join(cwd, 'troupe.json')} is not a valid configuration:`)
  t.same(
    lines.map(line => /^ {2}([\w.]+): found .+, expected .+$/.exec(line)?.[1]),
    ['drainTimeout', 'app', 'listen.port', 'listen.prot', 'session.secret'],
  )
})

const faults: [name: string, files: Record<string, string | Record<string, string>>, message: RegExp][] = [
  ['a missing file', {}, /troupe\.json can't be read: there is no such file/],
  ['a folder', { 'troupe.json': {} }, /troupe\.json can't be read: it is a folder/],
  ['a syntax error', { 'troupe.json': '{\n  "app": tru\n}' }, /troupe\.json:2:10 is not valid JSON/],
  ['an app that does not exist', { 'troupe.json': '{ "app": "no.js" }' }, /app: \S+no\.js does not exist/],
  ['an app that is a folder', { 'troupe.json': '{ "app": "." }' }, /app: \S+ is not a file/],
  ['an app below a file', { 'troupe.json': '{ "app": "troupe.json/a.js" }' }, /can't be reached \(ENOTDIR\)/],
]
for (const [name, files, message] of faults) {
  t.test(`${name} is one line without a stack, and the exit code is 2`, async t => {
    const { code, stderr } = await troupe(['check', '--config', 'troupe.json'], { cwd: t.testdir(files) })
    t.equal(code, 2)
    t.match(stderr, message)
    t.match(stderr, /^troupe: [^\n]+\n$/)
  })
}

t.test('usage errors exit with 2 and say what is there', async t => {
  const cwd = t.testdir({})
  for (const args of [
    [],
    ['check'],
    ['strat'],
    ['start', '--port', 'x'],
    ['start', '-t', '0'],
    ['start', 'a', 'b'],
  ]) {
    const { code, stdout, stderr } = await troupe(args, { cwd })
    t.equal(code, 2, `troupe ${args.join(' ')}`)
    t.equal(stdout, '')
    t.match(stderr, /^(error: |Usage: )/)
    t.notMatch(stderr, /at .*\.js:\d+/)
  }
})

t.test('help and version are no errors', async t => {
  const cwd = t.testdir({})
  const help = await troupe(['--help'], { cwd })
  t.equal(help.code, 0)
  for (const command of ['start', 'check', 'schema'])
    t.match(help.stdout, new RegExp(`^ {2}${command} `, 'm'))
  t.match(
    (await troupe(['start', '--help'], { cwd })).stdout,
    /--config <file>[\s\S]*--port <number>[\s\S]*Exit codes/,
  )
  const manifest = JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8'))
  t.equal((await troupe(['--version'], { cwd })).stdout, `${manifest.version}\n`)
})

t.test('troupe schema prints the JSON schema', async t => {
  const { code, stdout } = await troupe(['schema'], { cwd: t.testdir({}) })
  t.equal(code, 0)
  t.match(JSON.parse(stdout), { type: 'object', required: ['app'] })
})

t.test('a store that can not be written is told, and nothing is made to find out', async t => {
  const stores = (second: string) => ({
    app: 'app.js',
    session: { secret: 'sixteen characters' },
    sessionServers: [
      { name: 'a', store: 'lmdb', path: 'data/a' },
      { name: 'b', store: 'lmdb', path: second },
    ],
  })
  const cwd = t.testdir({
    'app.js': APP,
    'good.json': JSON.stringify(stores('data/b')),
    'bad.json': JSON.stringify(stores('app.js/b')),
  })
  const good = await troupe(['check', '--config', 'good.json'], { cwd })
  t.match(good, { code: 0, stderr: '' })
  const bad = await troupe(['check', '--config', 'bad.json'], { cwd })
  t.match(bad, {
    code: 2,
    stderr: /^troupe: sessionServers: the path of b, \S+app\.js\/b, can't be written \(ENOTDIR\)[^\n]+\n$/,
  })
  t.notOk((await readdir(cwd)).includes('data'))
})

t.test(
  'the stores of several hosts are checked where --host says that this machine is one of them',
  async t => {
    const config = {
      app: 'app.js',
      hosts: { 'web-1': '10.0.0.1', 'store-1': '10.0.0.2' },
      webServers: { on: 'web-1' },
      sessionServers: [{ name: 'a', on: 'store-1', port: 7400, store: 'lmdb', path: 'app.js/a' }],
      session: { secret: '${TROUPE_SECRET}' },
      cluster: { key: 'a cluster key of at least 32 characters' },
    }
    const cwd = t.testdir({ 'app.js': APP, 'troupe.json': JSON.stringify(config) })
    const check = (...host: string[]) =>
      troupe(['check', '--config', 'troupe.json', ...host], {
        cwd,
        env: { TROUPE_SECRET: 'sixteen characters' },
      })
    t.match(await check(), { code: 0, stderr: '' })
    t.match(await check('--host', 'web-1'), { code: 0, stderr: '' })
    t.match(await check('--host', 'store-1'), { code: 2, stderr: /the path of a/ })
    t.match(await check('--host', 'store-2'), { code: 2, stderr: /--host: found "store-2"/ })
  },
)
