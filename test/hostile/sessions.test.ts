/** What apps put into sessions, heads and logs at a client's wish does no more than it says. */
import { Writable } from 'node:stream'
import t from 'tap'
import { prefixedOutput } from '../../lib/director/logs/actor-output.js'
import { until } from '../support/until.js'
import { visit } from '../support/visitor.js'
import { provoke } from './answers.js'
import { underAttack } from './attacked.js'

const attacked = await underAttack(t, { log: { requests: true } })
const { url, port, canary, cluster } = attacked

t.test(
  'names of Object.prototype in a session are members like any other, before and after a web server is lost',
  async t => {
    const visitor = visit(t, url)
    const bodies = {
      '/merge':
        '{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"prototype":{"polluted":true}}',
      '/assign':
        '{"nested":{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}},"toString":"x","hasOwnProperty":1}',
    }
    for (const [path, body] of Object.entries(bodies)) {
      const { status, text } = await visitor.post(path, body)
      t.match({ status, text }, { status: 200, text: '{"polluted":[]}' }, path)
    }
    const before = (await visitor.get('/peek')).text
    t.match(before, '"__proto__":{"polluted":true}', 'kept as data')
    t.match(before, '"nested":{"__proto__":{"polluted":true}')
    await cluster.lose('web-1', 'web-2')
    await cluster.whole()
    t.equal((await visitor.get('/peek')).text, before, 'the same when it has been copied back')
    for (let turn = 0; turn < 4; turn++)
      t.equal((await visit(t, url).get('/pollution')).text, '{"polluted":[]}')
    canary.forgive()
  },
)

t.test('members that would replace methods of the session are refused, and the web server lives', async t => {
  const visitor = visit(t, url)
  for (const name of ['save', 'destroy', 'regenerate', 'id', 'cookie']) {
    const { status } = await visitor.post('/assign', JSON.stringify({ [name]: 1 }))
    t.ok(status === 500 || status === 503, `${name}: ${status}`)
  }
  await cluster.whole()
})

t.test('line feeds get into no head, whatever an app sets', async t => {
  const visitor = visit(t, url)
  const injected = 'x\r\nSet-Cookie: injected=1\r\n\r\n<script>'
  const query = (values: Record<string, string>) => String(new URLSearchParams(values))
  const value = await visitor.get(`/set-header?${query({ name: 'x-told', value: injected })}`)
  t.match(value, { status: 200, text: '{"refused":"ERR_INVALID_CHAR"}' })
  const name = await visitor.get(`/set-header?${query({ name: injected, value: 'x' })}`)
  t.match(name, { status: 200, text: '{"refused":"ERR_INVALID_HTTP_TOKEN"}' })
  const cookie = await visitor.get(`/set-cookie-path?${query({ value: injected })}`)
  t.equal(cookie.status, 500)
  for (const { headers } of [value, name, cookie]) t.notMatch(JSON.stringify(headers), 'injected')
})

t.test('a hostile target is one line of the request log, of which it is a member', async t => {
  const forged = '/%1b[2J%0d%0a{"level":30,"msg":"forged"}'
  await provoke(port, [
    `GET ${forged} HTTP/1.1\r\nHost: a\r\nUser-Agent: \x9b2J\r\nConnection: close\r\n\r\n`,
  ])
  const line = () => cluster.logged.find(({ path }) => path === forged)
  await until(() => line() !== undefined)
  t.match(line(), { msg: 'request', method: 'GET', status: 200 })
  t.notOk(cluster.logged.some(({ msg }) => msg === 'forged'))
})

t.test(
  'what an app prints at a client’s wish forges no line and moves no cursor, but may have colours',
  async t => {
    const written: string[] = []
    const stdout = new Writable({ write: (text, _, done) => done(void written.push(String(text))) })
    const print = prefixedOutput({ stdout, stderr: stdout })
    const esc = String.fromCharCode(27)
    print('web-1', 'stdout', `a\r\nweb-2 | forged\rb${esc}[2Jc${esc}[31mred${esc}[0m\x9b2J\x07\td`)
    t.equal(
      written.join(''),
      `web-1 | a\nweb-1 | web-2 | forged\\x0db\\x1b[2Jc${esc}[31mred${esc}[0m\\x9b2J\\x07\td\n`,
    )
  },
)

t.test('nobody else noticed', async t => {
  await canary.turn()
  t.same(canary.harm, [])
})
