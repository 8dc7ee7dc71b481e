import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as wait } from 'node:timers/promises'
import t from 'tap'
import { Command, serve, troupe } from './run.js'

/** Counts visits; answers a POST when its body has ended. */
const APP = `
export default (request, response) => {
  if (request.method === 'POST') return request.pipe(response)
  request.session.visits = (request.session.visits ?? 0) + 1
  response.end('visit ' + request.session.visits)
}
`

/** A request that the app does not answer before `finish`. */
function slowRequest(url: string) {
  const request = httpRequest(url, { method: 'POST', agent: false })
  const answer = once(request, 'response').then(async ([response]) => text(response))
  request.write('slow ')
  return {
    request,
    answer,
    finish: () => {
      request.end('but sure')
      return answer
    },
  }
}

t.test('start says where to open it, serves with sessions, and SIGTERM ends it with 0', async t => {
  const cwd = t.testdir({ 'app.js': APP })
  const { command, url } = await serve(t, ['app.js', '--port', '0', '--threads', '2'], { cwd })
  const first = await fetch(url)
  t.equal(await first.text(), 'visit 1')
  const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? ''
  t.match(cookie, /^troupe\.sid=/)
  t.equal(await (await fetch(url, { headers: { cookie } })).text(), 'visit 2')
  command.process.kill('SIGTERM')
  const { code, stdout, stderr } = await command.finished
  t.equal(code, 0)
  t.equal(stderr, '')
  t.match(stdout, /"level":40.*session\.secret is not set/)
  t.match(stdout, /"msg":"SIGTERM: stopping"\}\n/)
  t.match(stdout, /"msg":"stopped"\}\n/)
})

t.test('a pretty log says so for people', async t => {
  const cwd = t.testdir({
    'app.js': APP,
    'troupe.json':
      '{ "app": "app.js", "listen": { "port": 0 }, "admin": { "port": 0 }, "log": { "pretty": true } }',
  })
  const command = new Command(['start', '--config', 'troupe.json'], { cwd })
  t.teardown(() => command.process.kill('SIGKILL'))
  const [, url = '', admin = ''] = await command.printed(
    /Troupe is ready: {2}(http:\S+)\n {2}Admin listens at {2}(http:\S+)\n/,
  )
  t.equal((await fetch(url)).status, 200)
  t.match(await (await fetch(admin)).json(), { director: { state: 'running' } })
  command.process.kill('SIGINT')
  t.equal((await command.finished).code, 0)
})

t.test('a stop lets the requests in flight finish', async t => {
  const cwd = t.testdir({ 'app.js': APP })
  const { command, url } = await serve(t, ['app.js', '--port', '0', '--threads', '2'], { cwd })
  const slow = slowRequest(url)
  await once(slow.request, 'socket').then(([socket]) => socket.connecting && once(socket, 'connect'))
  t.equal((await fetch(url)).status, 200, 'the slow request came before this one')
  command.process.kill('SIGTERM')
  await command.printed(/SIGTERM: stopping/)
  t.equal(await slow.finish(), 'slow but sure')
  t.equal((await command.finished).code, 0)
})

t.test('a second signal ends it at once', async t => {
  const cwd = t.testdir({ 'app.js': APP })
  const { command, url } = await serve(t, ['app.js', '--port', '0', '--threads', '2'], { cwd })
  const slow = slowRequest(url)
  slow.answer.catch(() => {})
  slow.request.on('error', () => {})
  await once(slow.request, 'socket').then(([socket]) => socket.connecting && once(socket, 'connect'))
  t.equal((await fetch(url)).status, 200, 'the slow request came before this one')
  command.process.kill('SIGTERM')
  await command.printed(/SIGTERM: stopping/)
  let ended = false
  const finished = command.finished.finally(() => {
    ended = true
  })
  // Signals within a few milliseconds of the first count as the same one.
  while (!ended) {
    command.process.kill('SIGINT')
    await Promise.race([wait(20), finished])
  }
  t.equal((await finished).code, 130)
})

t.test('an app that throws while it is loaded ends the start with its stack and 1', async t => {
  const cwd = t.testdir({
    'app.js': "function setUp() {\n  throw new TypeError('no database')\n}\nsetUp()\n",
  })
  const { code, stderr } = await troupe(['start', 'app.js', '--port', '0', '--threads', '2'], { cwd })
  t.equal(code, 1)
  t.match(stderr, /^troupe: The app \S+app\.js could not be loaded: no database\n/)
  t.match(stderr, /TypeError: no database\n\s+at setUp \(file:\S+app\.js:2:9\)/)
})

t.test('an app that exports no app ends the start with what was expected and 1', async t => {
  const cwd = t.testdir({ 'app.js': 'export const listener = 5\n' })
  const { code, stderr } = await troupe(['start', 'app.js', '--port', '0', '--threads', '2'], { cwd })
  t.equal(code, 1)
  t.match(stderr, /could not be loaded: [\s\S]*Expected is a default export/)
})
