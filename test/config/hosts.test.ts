// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how a configuration names a variable
import t from 'tap'
import { machineOf, partOfHost } from '../../lib/config/host-part.js'
import { ConfigInvalidError } from '../../lib/config/problems.js'
import type { LoadedConfig } from '../../lib/config/resolve.js'
import { type ConfigOverrides, validateConfig } from '../../lib/config/validate.js'
import {
  authorizationOf,
  digestOf,
  newNonce,
  parseAuthorization,
} from '../../lib/session-server/protocol/signature.js'

const KEY = 'a cluster key of at least 32 characters'

const FILE = {
  app: 'app.js',
  hosts: { 'web-1': '10.0.0.1', 'store-1': '10.0.0.2', 'store-2': 'store-2.internal' },
  webServers: { on: 'web-1', threads: 2 },
  sessionServers: [
    { name: 'a', on: 'store-1', port: 7400, store: 'lmdb', path: 'data/a' },
    { name: 'b', on: 'store-2', port: 7400, store: 'memory' },
    { name: 'local', on: 'web-1', store: 'memory' },
    { name: 'c', store: 'redis', redis: 'redis://:hunter2@10.0.0.9:6379' },
  ],
  session: { secret: '${TROUPE_SECRET}' },
  cluster: { key: KEY },
}
const ENV = { TROUPE_SECRET: 'a secret that is long enough' }

function load(raw: object = {}, overrides: ConfigOverrides = {}, env: NodeJS.ProcessEnv = ENV): LoadedConfig {
  return validateConfig({ ...FILE, ...raw }, { source: 'troupe.json', folder: '/srv', env }, overrides)
}

function problemsOf(raw: object): Record<string, string> {
  try {
    load(raw)
  } catch (error) {
    if (!(error instanceof ConfigInvalidError)) throw error
    return Object.fromEntries(
      error.problems.map(({ path, found, expected }) => [path, `found ${found}, expected ${expected}`]),
    )
  }
  throw new Error('the configuration was accepted')
}

t.test('a file of several hosts says for each host what it runs', async t => {
  const { config, warnings } = load()
  t.same(warnings, [])
  t.same(config.hosts, FILE.hosts)
  t.same(config.cluster, { keys: [{ id: 'key', secret: KEY }], tls: null, timeoutMs: 2000 })
  t.same(config.sessionServers[0], {
    name: 'a',
    on: 'store-1',
    port: 7400,
    store: { kind: 'lmdb', path: '/srv/data/a' },
  })
  t.same(config.sessionServers[3]?.store, {
    kind: 'redis',
    urls: ['redis://:hunter2@10.0.0.9:6379'],
    prefix: 'troupe',
  })
  const namesOn = (host: string) => partOfHost(config, host).sessionServers.map(({ name }) => name)
  t.same([namesOn('web-1'), namesOn('store-1'), namesOn('store-2')], [['local'], ['a'], ['b']])
  t.same(
    ['web-1', 'store-1'].map(host => partOfHost(config, host).isWebHost),
    [true, false],
  )
})

t.test('--host names a host of the file that has something to run', async t => {
  const { config } = load({ hosts: { ...FILE.hosts, spare: '10.0.0.7' } })
  const names = 'one of web-1, store-1, store-2, spare'
  t.throws(() => partOfHost(config, 'store-9'), {
    code: 'HOST_UNKNOWN',
    message: new RegExp(`"store-9".*${names}`),
  })
  t.throws(() => partOfHost(config, undefined), {
    code: 'HOST_UNKNOWN',
    message: new RegExp(`nothing.*${names}`),
  })
  t.throws(() => partOfHost(config, 'spare'), { code: 'HOST_UNKNOWN', message: /puts nothing on spare/ })
  const single = validateConfig({ app: 'a' }, { source: 'x', folder: '/', env: {} }).config
  t.throws(() => partOfHost(single, 'web-1'), { code: 'HOST_UNKNOWN', message: /has no hosts/ })
  t.match(partOfHost(single, undefined), { name: null, isWebHost: true, sessionServers: [{ name: 'a' }, {}] })
})

t.test('a session host needs no session secret, and does not warn of it', async t => {
  const { warnings } = load({}, { host: 'store-1' }, {})
  t.same(warnings, [])
  t.throws(() => load({}, { host: 'web-1' }, {}), /session\.secret: found \$\{TROUPE_SECRET\}/)
})

t.test('every actor has a host, and one of the file', async t => {
  const [a, b, local, c] = FILE.sessionServers
  t.match(problemsOf({ webServers: {} }), {
    'webServers.on': 'found nothing, expected one of the names of hosts',
  })
  t.match(problemsOf({ webServers: { on: 'web-2' } }), { 'webServers.on': 'found "web-2", expected one of' })
  t.match(problemsOf({ webServers: { on: ['web-1', 'store-1'] } }), {
    'webServers.on': 'one host of "hosts"; web servers on several hosts come later',
  })
  t.match(problemsOf({ sessionServers: [{ ...a, on: 'nowhere' }, { ...b, on: undefined }, local, c] }), {
    'sessionServers[0].on': 'found "nowhere", expected one of the names of hosts: web-1, store-1, store-2',
    'sessionServers[1].on': 'found nothing',
  })
  t.match(problemsOf({ sessionServers: [{ ...c, on: 'store-1' }] }), {
    'sessionServers[0].on': 'nothing: a Redis is reached from',
  })
  t.match(problemsOf({ hosts: undefined }), {
    'webServers.on': 'nothing, or hosts to be set',
    'sessionServers[0].on': 'nothing, or hosts to be set',
  })
  for (const hosts of [{}, { 'Web 1': '10.0.0.1' }, { 'web-1': 'http://10.0.0.1' }, { 'web-1': '' }, []]) {
    t.throws(() => load({ hosts }), { code: 'CONFIG_INVALID' }, JSON.stringify(hosts))
  }
})

t.test('session servers on other hosts need a port and a key, those on the web host neither', async t => {
  const [a, , local] = FILE.sessionServers
  t.match(problemsOf({ sessionServers: [{ ...a, port: undefined }, local], cluster: {} }), {
    'sessionServers[0].port': 'a port: the web servers are on another host',
    'cluster.key': 'found nothing, expected a key',
  })
  t.doesNotThrow(() => load({ sessionServers: [local, { ...local, name: 'other' }], cluster: {} }))
})

t.test('each store has what it needs and nothing of another', async t => {
  const [a] = FILE.sessionServers
  const problems = problemsOf({
    sessionServers: [
      { ...a, path: undefined },
      { ...a, name: 'b', store: 'memory' },
      { ...a, name: 'c', path: 'c', redis: 'redis://x' },
      { name: 'd', store: 'redis' },
      { ...a, name: 'e', path: 'data/../data/e/' },
      { ...a, name: 'f', path: 'data/e' },
      { ...a, name: 'g', on: 'store-2', path: 'data/e' },
    ],
  })
  t.same(Object.keys(problems).sort(), [
    'sessionServers[0].path',
    'sessionServers[1].path',
    'sessionServers[2].redis',
    'sessionServers[3].redis',
    'sessionServers[5].path',
  ])
})

t.test('several keys have ids of their own, and no key or password is ever shown', async t => {
  const keys = [
    { id: '2026', secret: KEY },
    { id: '2025', secret: `${KEY}, the old one` },
  ]
  t.same(load({ cluster: { key: keys } }).config.cluster.keys, keys)
  t.match(problemsOf({ cluster: { key: [keys[0], { ...keys[1], id: '2026' }] } }), {
    'cluster.key[1].id': 'an id that no other key has',
  })
  const shown = [
    problemsOf({ cluster: { key: 'hunter2' } }),
    problemsOf({ cluster: { key: [{ id: 'a', secret: 'hunter2' }] } }),
    problemsOf({ sessionServers: [{ name: 'a', store: 'redis', redis: 'http://:hunter2@x' }] }),
    problemsOf({
      sessionServers: [{ name: 'a', store: 'memory', redis: 'redis://:hunter2@x', on: 'web-1' }],
    }),
  ]
  t.match(shown[0], { 'cluster.key': 'found a text of 7 characters' })
  t.notMatch(JSON.stringify(shown), /hunter2/)
})

t.test('two session servers never share the keys of one Redis', async t => {
  const redis = (name: string, urls: string | string[], prefix?: string) => ({
    name,
    store: 'redis',
    redis: urls,
    ...(prefix === undefined ? {} : { prefix }),
  })
  const problem = 'found nothing, expected a prefix that no other session server in the same Redis has'
  for (const [one, other] of [
    ['redis://10.0.0.9', 'redis://10.0.0.9:6379'],
    ['redis://Store.internal', 'redis://user:hunter2@store.internal/0'],
    ['redis://localhost:7000', 'redis://127.0.0.1:7000'],
    [
      ['redis://10.0.0.7', 'redis://10.0.0.8'],
      ['redis://10.0.0.8', 'redis://10.0.0.9'],
    ],
  ] as const) {
    const same = [redis('a', [one].flat()), redis('b', [other].flat())]
    t.match(problemsOf({ sessionServers: same }), { 'sessionServers[1].prefix': problem })
    t.doesNotThrow(() => load({ sessionServers: [same[0], { ...same[1], prefix: 'other' }] }))
  }
  t.doesNotThrow(() => load({ sessionServers: [redis('a', 'redis://x/0'), redis('b', 'redis://x/1')] }))
  t.doesNotThrow(() => load({ sessionServers: [redis('a', 'redis://x'), redis('b', 'redis://x:7000')] }))
})

t.test('a Redis that can not be reached by its URL is refused', async t => {
  for (const url of ['redis://a:b:c', 'redis://:100%@x', 'redis://x/sessions', 'redis://x/0/1']) {
    const problems = problemsOf({ sessionServers: [{ name: 'a', store: 'redis', redis: url }] })
    t.match(problems, { 'sessionServers[0].redis': 'expected a URL such as' }, url)
  }
  t.doesNotThrow(() =>
    load({ sessionServers: [{ name: 'a', store: 'redis', redis: 'rediss://u:100%25@[::1]:7000/2' }] }),
  )
})

t.test('every id that a key may have is one that hosts accept of each other', async t => {
  const longest = `${'2027'.repeat(15)}_.-A`
  const { config } = load({ cluster: { key: [{ id: longest, secret: KEY }] } })
  const [key] = config.cluster.keys
  const head = { method: 'GET', target: '/', time: 1, nonce: newNonce(), digest: digestOf('') }
  t.equal(parseAuthorization(authorizationOf(key?.id ?? '', KEY, head))?.keyId, longest)
  for (const id of [`${longest}x`, 'two words', 'é', '']) {
    t.match(problemsOf({ cluster: { key: [{ id, secret: KEY }] } }), {
      'cluster.key[0].id': 'expected 1 to 64 letters',
    })
    t.equal(parseAuthorization(authorizationOf(id, KEY, head)), null)
  }
})

t.test('the time-out of the cluster is below that of an acknowledgement', async t => {
  t.match(problemsOf({ replication: { ackTimeout: '1s' } }), {
    'cluster.timeout': 'at most replication.ackTimeout (1000 ms)',
  })
  t.doesNotThrow(() => load({ replication: { ackTimeout: '1s' }, cluster: { key: KEY, timeout: '500ms' } }))
})

t.test('session servers that are lost with one machine are told apart from others', async t => {
  const { config } = load({ hosts: { ...FILE.hosts, 'store-2': '10.0.0.2' } })
  t.same(
    config.sessionServers.map(server => machineOf(config, server)),
    ['10.0.0.2', '10.0.0.2', '10.0.0.1', '10.0.0.9'],
  )
  const [a] = FILE.sessionServers
  const together = load({ sessionServers: [a, { ...a, name: 'b', path: 'data/b' }] })
  t.match(together.warnings, [/All session servers are at 10\.0\.0\.2/])
  const single = validateConfig(
    { app: 'a', sessionServers: [{ name: 'a' }, { name: 'b', store: 'redis', redis: 'redis://127.0.0.1' }] },
    { source: 'x', folder: '/', env: {} },
  ).config
  t.same(new Set(single.sessionServers.map(server => machineOf(single, server))).size, 1)
})
