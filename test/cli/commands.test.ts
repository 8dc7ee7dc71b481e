/** The real commands against one real `troupe start`. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../support/free-port.js'
import { Command, type Finished, serve, troupe } from './run.js'

const TOKEN = 'a-token-of-at-least-32-characters-0'

const app = (release: string) => `
export default async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, 'http://app')
  if (pathname !== '/') return response.end('nothing')
  const user = searchParams.get('user')
  if (user !== null) request.session.user = user
  request.session.visits = (request.session.visits ?? 0) + 1
  response.end('${release}: visit ' + request.session.visits)
}
`

await t.test('commands talk to a running cluster', async t => {
  const adminPort = await freePort()
  const config = {
    app: 'app.js',
    listen: { port: 0 },
    webServers: { threads: 2 },
    sessionServers: [
      { name: 'a', store: 'memory' },
      { name: 'b', store: 'memory' },
    ],
    session: { secret: 'a secret for this test', indexes: { user: 'user' } },
    admin: { port: adminPort, token: TOKEN },
  }
  const cwd = t.testdir({ 'app.js': app('first'), 'troupe.json': JSON.stringify(config) })
  const { command, url } = await serve(t, ['--config', 'troupe.json'], { cwd })
  const ask = (...args: string[]) => troupe(args, { cwd })
  const done = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await ask(...args)
    t.same({ code, stderr }, { code: 0, stderr: '' }, `troupe ${args.join(' ')}`)
    return stdout
  }
  const { headers } = await fetch(`${url}/?user=42`)
  const cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
  const id = /=s(?::|%3A)([^.]+)\./.exec(cookie)?.[1] ?? ''
  const visit = async () => (await fetch(url, { headers: { cookie } })).text()

  await t.test('status is a table for people, and JSON for programs', async t => {
    t.match(
      await done('status'),
      new RegExp(
        [
          String.raw`^The cluster is running, for [\d.]+ s; 0 requests in flight\.`,
          '',
          'WEB SERVER  STATE    PARTITIONS  SESSIONS  IN FLIGHT  CHANGES  RESTARTS',
          'web-1 {7}running {9}512 +\\d+ {10}0 +\\d+ {9}0',
          'web-2 {7}running {9}512 +\\d+ {10}0 +\\d+ {9}0',
          '',
          'SESSION SERVER  STATE    STORE   UP TO DATE  SESSIONS  RESTARTS',
          'a               running  memory        1024 +\\d+ {9}0',
          'b               running  memory        1024 +\\d+ {9}0',
          '',
          String.raw`All 1024 partitions have an owner and their copies\.`,
          '$',
        ].join('\n'),
      ),
    )
    t.match(JSON.parse(await done('status', '--json')), {
      partitions: { total: 1024 },
      webServers: [{ name: 'web-1' }, {}],
    })
    const byAddress = ['--admin', `http://127.0.0.1:${adminPort}`]
    const watched = new Command(['status', '--watch', '0.1', '--json', ...byAddress], {
      cwd,
      env: { TROUPE_ADMIN_TOKEN: TOKEN },
    })
    await watched.printed(/^\{.*\}\n\{.*\}\n/)
    watched.process.kill('SIGINT')
    t.match(await watched.finished, { code: 0, stderr: '' })
  })

  await t.test('who has the wrong token, names nobody, or nothing, is told so', async t => {
    const [wrong, none, nobody, other, unknown, nowhere] = await Promise.all([
      ask('status', '--token', 'wrong'),
      ask('reload', '--admin', `http://127.0.0.1:${adminPort}`),
      ask('status', '--admin', `http://127.0.0.1:${await freePort()}`),
      ask('status', '--admin', url),
      ask('kill', 'web-9'),
      troupe(['status'], { cwd: t.testdir({}) }),
    ])
    t.match(wrong, { code: 2, stderr: /^troupe: The cluster at \S+ refuses this token: give that[^\n]+\n$/ })
    t.match(none, { code: 2, stderr: /asks for a token/ })
    t.match(nobody, { code: 3, stderr: /^troupe: No cluster answers at \S+ \(ECONNREFUSED\)[^\n]+\n$/ })
    t.match(other, { code: 3, stderr: /is no admin listener of Troupe/ })
    t.match(unknown, { code: 2, stderr: /There is no actor named "web-9"\. There are / })
    t.match(nowhere, { code: 2, stderr: /Nothing says where the cluster is: there is no troupe\.json here/ })
  })

  await t.test('reload brings new code step by step, or says why the old one serves on', async t => {
    await writeFile(join(cwd, 'app.js'), app('second'))
    const steps = await done('reload')
    t.match(steps, /^ {2}web-3 is starting\n {2}web-3 serves\n {2}web-1 hands over: \d+ partitions left\n/)
    t.match(
      steps,
      /\n {2}web-2 has stopped\nReloaded in [^:]+: web-1 by web-3, web-2 by web-1\. Web servers: web-1, web-3\.\n$/,
    )
    t.equal(await visit(), 'second: visit 2')
    await writeFile(join(cwd, 'app.js'), 'const a = 1\nthrow new Error("broken for the test")\n')
    const broken = await ask('reload')
    t.equal(broken.code, 1)
    t.match(broken.stdout, /^ {2}web-2 is starting\n$/)
    t.match(broken.stderr, /^troupe: [^\n]*Nothing was changed[^\n]*broken for the test\n/)
    t.match(broken.stderr, /app\.js:2:7/, 'the place in the code')
    t.notMatch(broken.stderr, /lib\/cli/)
    const lines = (await ask('reload', '--json')).stdout
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    t.match(lines, [
      { progress: { step: 'starting', webServer: 'web-2' } },
      { error: { code: 'RELOAD_FAILED' } },
    ])
    t.equal(await visit(), 'second: visit 3')
    await writeFile(join(cwd, 'troupe.json'), JSON.stringify({ ...config, replication: { copies: 1 } }))
    t.match(await ask('reload'), {
      code: 2,
      stderr: /can't change in a running cluster: replication\.copies/,
    })
    await writeFile(join(cwd, 'troupe.json'), JSON.stringify(config))
    await writeFile(join(cwd, 'app.js'), app('second'))
  })

  await t.test('scale, drain and kill change who serves, not what is served', async t => {
    t.match(
      await done('scale', '3'),
      /web-2 is starting\n {2}web-2 serves\nScaled in [\d.]+ s: 3 web servers, web-1, web-2, web-3\.\n$/,
    )
    t.match(
      await done('drain', 'web-1'),
      / {2}web-1 has stopped\nDrained web-1 in [\d.]+ s\. Web servers: web-2, web-3\.\n$/,
    )
    const lines = (await done('scale', '1', '--json'))
      .trim()
      .split('\n')
      .map(line => JSON.parse(line))
    t.match(lines.at(-1), { result: { webServers: ['web-2'], stopped: ['web-3'], partitionsInUse: 0 } })
    t.match(await ask('drain', 'web-2'), { code: 2, stdout: '', stderr: /web-2 is the only web server/ })
    t.match(await ask('scale', '0'), { code: 2, stderr: /whole number from 1 to 256/ })
    t.equal(await done('kill', 'web-2'), 'Killed web-2. Another takes its place.\n')
    t.equal(await visit(), 'second: visit 4')
  })

  await t.test('whoever stops watching does not stop the work', async t => {
    const slow = new Command(['scale', '3'], { cwd })
    await slow.printed(/starting/)
    slow.process.kill('SIGINT')
    t.match(await slow.finished, { code: 130, stderr: /Not watching any more; the scaling goes on/ })
    for (let names = ''; names !== 'web-1,web-2,web-3'; ) {
      const { webServers }: { webServers: { name: string; state: string }[] } = JSON.parse(
        await done('status', '--json'),
      )
      names = webServers
        .filter(({ state }) => state === 'running')
        .map(({ name }) => name)
        .join()
    }
  })

  await t.test('sessions are shown without ids and data, unless these are asked for', async t => {
    await fetch(`${url}/?user=43`)
    const list = await done('sessions', 'list')
    t.match(list, /^SESSION +ENDS IN +SIZE +MEMBERS\n([0-9a-f]{12} +29 m \d+ s +\d+ B {2}user, visits\n){2}$/)
    const found = await done('sessions', 'find', 'user=42')
    const fingerprint = /^[0-9a-f]{12}/m.exec(found)?.[0] ?? ''
    t.equal(found.trim().split('\n').length, 2)
    const hidden = await done('sessions', 'show', fingerprint)
    t.match(
      hidden,
      new RegExp(`^fingerprint {2}${fingerprint}\nends .*\nsize .*\nmembers {6}user, visits\n$`),
    )
    for (const text of [list, found, hidden]) t.notMatch(text, id)
    const revealed = await done('sessions', 'show', id, '--reveal', '--ids')
    t.match(revealed, `\nid           ${id}\n`)
    t.match(revealed, "data         { user: '42', visits: 4 }")
    const lines = (await done('sessions', 'list', '--limit', '1', '--json')).trim().split('\n')
    t.match(
      lines.map(line => JSON.parse(line)),
      [{ session: { members: ['user', 'visits'] } }, { result: { listed: 1, more: true } }],
    )
    t.match(await ask('sessions', 'find', 'name=x'), { code: 2, stderr: /name/ })
    t.match(await ask('sessions', 'show', 'none'), {
      code: 1,
      stderr: /^troupe: There is no session with that id[^\n]+\n$/,
    })
  })

  await t.test('sessions are ended by fingerprint, and by what they hold', async t => {
    await fetch(`${url}/?user=43`)
    t.equal(await done('sessions', 'destroy', '--where', 'user=43'), 'Ended 2 sessions.\n')
    const fingerprint = /^[0-9a-f]{12}/m.exec(await done('sessions', 'list'))?.[0] ?? ''
    t.equal(await done('sessions', 'destroy', fingerprint), 'Ended 1 session.\n')
    t.equal(await done('sessions', 'list'), 'No sessions.\n')
    t.equal(await visit(), 'second: visit 1')
    t.match(await ask('sessions', 'destroy'), { code: 2, stderr: /give ids or fingerprints, or --where/ })
    t.match(await ask('sessions', 'destroy', fingerprint), { code: 1, stdout: 'Ended 0 sessions.\n' })
  })

  await t.test('programs ask the same over HTTP, and pages of other sites do not', async t => {
    const post = async (path: string, body: string, headers = {}) => {
      const response = await fetch(`http://127.0.0.1:${adminPort}${path}`, {
        method: 'POST',
        body,
        headers: { authorization: `Bearer ${TOKEN}`, ...headers },
      })
      return { status: response.status, body: await response.json() }
    }
    t.match(await post('/scale', '{ "webServers": 3 }'), { status: 200, body: { started: [], stopped: [] } })
    t.match(await post('/scale', '{ "webServers": 0 }'), {
      status: 400,
      body: { error: { code: 'SCALE_RANGE' } },
    })
    for (const body of ['', '{', '[]', '{ "webServers": "3" }']) {
      t.match(await post('/scale', body), { status: 400, body: { error: { code: 'ADMIN_BODY_INVALID' } } })
    }
    for (const path of ['/sessions/show', '/sessions/find', '/sessions/destroy']) {
      t.match(await post(path, '{}'), { status: 400, body: { error: { code: 'ADMIN_BODY_INVALID' } } })
    }
    const where = '{ "where": { "user": "Jürgen" } }'
    const session = await fetch(`${url}/?user=J%C3%BCrgen`)
    await session.text()
    t.match(await post('/sessions/destroy', where, { origin: 'http://evil.example' }), { status: 403 })
    t.match(await post('/sessions/destroy', where, { authorization: 'Bearer wrong' }), { status: 401 })
    t.match(await post('/sessions/destroy', where), { status: 200, body: { destroyed: 1 } })
  })

  command.process.kill('SIGTERM')
  const { code, stdout, stderr } = await command.finished
  t.equal(code, 0)
  t.notMatch(stdout + stderr, id, 'no log has the id of a session')
})

await t.test('without a token ids and data of sessions are told to nobody', async t => {
  const adminPort = await freePort()
  const cwd = t.testdir({
    'app.js': app('only'),
    'troupe.json': JSON.stringify({
      app: 'app.js',
      listen: { port: 0 },
      webServers: { threads: 1 },
      sessionServers: [{ name: 'a', store: 'memory' }],
      session: { secret: 'a secret for this test' },
      admin: { port: adminPort },
    }),
  })
  await serve(t, ['--config', 'troupe.json'], { cwd })
  t.match(await troupe(['sessions', 'list'], { cwd }), { code: 0, stdout: 'No sessions.\n' })
  const refused: Finished = { code: 2, stdout: '', stderr: '' }
  for (const option of ['--ids', '--reveal']) {
    t.match(await troupe(['sessions', 'list', option], { cwd }), {
      ...refused,
      stderr: /only where admin\.token is set/,
    })
    t.match(await troupe(['sessions', 'show', 'x', option], { cwd }), { ...refused, stderr: /admin\.token/ })
  }
})
