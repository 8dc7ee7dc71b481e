import t from 'tap'
import { canRotate, needsRestart } from '../../lib/config/reloadable.js'
import { validateConfig } from '../../lib/config/validate.js'

const configOf = (raw: object) =>
  validateConfig(
    { app: 'app.js', session: { secret: 'a secret for tests only' }, ...raw },
    { source: 'the test', folder: '/', env: {} },
  ).config

t.test('what a running cluster takes over, and what needs a restart', t => {
  const before = configOf({})
  const changes: Record<string, [raw: object, needs: string[]]> = {
    nothing: [{}, []],
    'the app': [{ app: 'other.js' }, []],
    'web servers': [{ webServers: { threads: 5, heapMb: 64, autoscale: { min: 1, max: 5 } } }, []],
    'what web servers are told': [{ cache: { maxBytes: '1mb' }, listen: { trustProxy: 1 } }, []],
    'time and log': [{ drainTimeout: '1s', log: { level: 'debug' } }, []],
    'where it listens': [{ listen: { port: 9 } }, ['listen (host, port, socket, tls, proxyProtocol, also)']],
    'limits of the front': [{ listen: { maxInFlight: 9 } }, ['listen.maxInFlight']],
    'session servers': [{ sessionServers: [{ name: 'c' }, { name: 'd' }] }, ['sessionServers']],
    'the admin listener': [{ admin: { port: 9 } }, ['admin']],
    'how sessions are copied': [{ replication: { ackTimeout: '1s' } }, ['replication.ackTimeout']],
    'hangs, and the look of the log': [
      { webServers: { hangTimeout: '9s' }, log: { pretty: true } },
      ['webServers.hangTimeout', 'log.pretty'],
    ],
  }
  for (const [what, [raw, needs]] of Object.entries(changes)) {
    t.same(needsRestart(before, configOf(raw)), needs, what)
  }
  t.end()
})

t.test('secrets change only so that old and new web servers verify what the other signs', t => {
  t.ok(canRotate(['old'], ['old']))
  t.ok(canRotate(['old'], ['old', 'new']))
  t.ok(canRotate(['old', 'new'], ['new', 'old']))
  t.notOk(canRotate(['old'], ['new']))
  t.notOk(canRotate(['old'], ['new', 'old']), 'old ones do not know the new one yet')
  t.notOk(canRotate(['old', 'new'], ['new']), 'old ones still sign with it')
  t.ok(canRotate(['new', 'old'], ['new']))
  t.end()
})

t.test('bounds of autoscale', t => {
  t.equal(configOf({ webServers: { autoscale: { min: 5, max: 9 } } }).webServers.threads, 5, 'auto is within')
  t.equal(configOf({ webServers: { autoscale: { min: 1, max: 1 } } }).webServers.threads, 1)
  t.throws(
    () => configOf({ webServers: { autoscale: { min: 3, max: 2 } } }),
    /autoscale\.max.*at least .*\(3\)/s,
  )
  t.throws(
    () => configOf({ webServers: { threads: 4, autoscale: { min: 1, max: 2 } } }),
    /webServers\.threads.*a number from 1 to 2/s,
  )
  t.end()
})
