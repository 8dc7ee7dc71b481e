/** What the log of a running cluster has: what apps print, requests, and what happens to actors and partitions. */
import { pino } from 'pino'
import t from 'tap'
import { start } from '../../lib/index.js'
import { fingerprintOf } from '../../lib/transport/session-fingerprint.js'
import { appFile, type LogLine } from '../support/cluster.js'
import { until } from '../support/until.js'

t.setTimeout(60_000)

const lines: LogLine[] = []
const log = pino({ level: 'info' }, { write: line => lines.push(JSON.parse(line)) })
const cluster = await start(
  {
    app: appFile('printing'),
    listen: { host: '127.0.0.1', port: 0, trustProxy: 'loopback' },
    webServers: { threads: 2, hangTimeout: '400ms' },
    sessionServers: [
      { name: 'a', store: 'memory' },
      { name: 'b', store: 'memory' },
    ],
    session: { name: 'sid', secret: 'long enough to be one, for a test' },
    log: { requests: true },
  },
  { log },
)
t.teardown(() => cluster.stop())

const found = (match: (line: LogLine) => boolean) => until(() => lines.some(match))
const printed = (text: string) => (line: LogLine) => 'stream' in line && line.msg === text
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${cluster.url}${path}`, { headers })
/** Not tried again at another web server. */
const post = (path: string) => fetch(`${cluster.url}${path}`, { method: 'POST' })
const bothRun = () =>
  until(async () => (await cluster.status()).webServers.every(({ state }) => state === 'running'))

t.test('what an app prints is logged with its actor, a write a line', async t => {
  await (await get('/lines')).text()
  await found(printed('begun and ended'))
  const [line, stack, joined] = lines.filter(line => 'stream' in line)
  t.match(line, { actor: /^web-\d$/, stream: 'stdout', level: 30, msg: 'one line' })
  t.match(stack, { stream: 'stderr', level: 40, msg: /^Error: in several lines\n {4}at .*\n {4}at / })
  t.match(joined, { stream: 'stdout', msg: 'begun and ended' })
})

t.test('a request is logged without query, cookies or the session itself', async t => {
  const id = 'an-id-that-nobody-may-see'
  const cookie = `sid=s%3A${id}.no-signature; other=secret`
  const response = await get('/asked?password=secret', { cookie, 'x-forwarded-for': '192.0.2.7' })
  await response.text()
  const isIt = (line: LogLine) => line.msg === 'request' && line.path === '/asked'
  await found(isIt)
  const line = lines.find(isIt)
  t.match(line, {
    ...{ actor: /^web-\d$/, method: 'GET', path: '/asked', status: 200, durationMs: Number, bytes: Number },
    ...{ client: '192.0.2.7', session: fingerprintOf(id) },
  })
  t.ok(Number(line?.bytes) > 100)
  t.notMatch(JSON.stringify(lines), id)
  t.notMatch(JSON.stringify(lines), 'secret')
  t.equal(lines.filter(isIt).length, 1)
})

t.test('traceparent and tracestate reach the app as they are', async t => {
  const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
  const tracestate = 'rojo=00f067aa0ba902b7,congo=t61rcWkgMzE'
  const seen = (await (await get('/trace', { traceparent, tracestate })).json()) as Record<string, string>
  t.equal(seen.traceparent, traceparent)
  t.equal(seen.tracestate, tracestate)
})

t.test(
  'the last words of a web server that hangs are not lost, and its end and takeover are logged',
  async t => {
    const from = lines.length
    await (await post('/hang')).text()
    await until(() => lines.slice(from).some(({ msg }) => msg === 'taken over'))
    const since = lines.slice(from)
    t.ok(since.some(printed('before it hangs')))
    t.ok(since.some(printed('last word')))
    t.match(
      since.find(({ msg }) => msg === 'lost'),
      { actor: /^web-\d$/, how: 'killed', err: { code: 'ACTOR_KILLED' } },
    )
    t.match(
      since.find(({ msg }) => msg === 'taken over'),
      { actor: /^web-\d$/, partitions: Number, durationMs: Number },
    )
    t.match(
      since.find(line => line.msg === 'request' && line.path === '/hang'),
      { status: 503 },
    )
  },
)

t.test('nor those of one that exits', async t => {
  await bothRun()
  await (await post('/exit')).text()
  await found(printed('before it exits'))
  await found(printed('without a line feed'))
  t.pass()
})

t.test('a flood is cut and counted, and the director goes on', async t => {
  await bothRun()
  await (await get('/flood')).text()
  await (await get('/after')).text()
  const isNotice = (line: LogLine) => /^\[\d+ writes were dropped here/.test(line.msg)
  await until(async () => {
    // Whatever is printed next says how much is missing before it.
    await (await get('/lines')).text()
    return lines.some(isNotice)
  })
  t.ok(lines.filter(({ msg }) => msg.startsWith('flood ')).length < 100_000)
})
