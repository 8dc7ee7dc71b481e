// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how a configuration names a variable
import { availableParallelism } from 'node:os'
import t from 'tap'
import { ConfigInvalidError } from '../../lib/config/problems.js'
import type { Config } from '../../lib/config/schema.js'
import { validateConfig } from '../../lib/config/validate.js'

const SECRET = 'a secret that is long enough'

function origin(env: NodeJS.ProcessEnv = {}) {
  return { source: 'troupe.json', folder: '/srv/shop/config', env }
}

function configOf(raw: object, env?: NodeJS.ProcessEnv): Config {
  return validateConfig({ app: 'app.js', ...raw }, origin(env)).config
}

/** `path` to the line's text, for every problem of a configuration that must be refused. */
function problemsOf(raw: unknown, env?: NodeJS.ProcessEnv): Record<string, string> {
  try {
    validateConfig(raw, origin(env))
  } catch (error) {
    if (!(error instanceof ConfigInvalidError)) throw error
    return Object.fromEntries(
      error.problems.map(({ path, found, expected }) => [path, `found ${found}, expected ${expected}`]),
    )
  }
  throw new Error('the configuration was accepted')
}

t.test('an app alone is a configuration: everything else has the documented default', async t => {
  const { config, warnings } = validateConfig({ app: 'app.js', session: { secret: SECRET } }, origin())
  t.same(warnings, [])
  t.same(config, {
    app: { file: '/srv/shop/config/app.js' },
    listen: {
      listeners: [
        {
          place: 'listen',
          at: { kind: 'tcp', host: '127.0.0.1', port: 8080 },
          tls: null,
          proxyProtocol: false,
        },
      ],
      trustProxy: false,
      servedBy: false,
      maxConnections: 10_000,
      maxInFlight: 1000,
      keepAliveTimeoutMs: 65_000,
      headersTimeoutMs: 60_000,
      requestTimeoutMs: 3_600_000,
      parkTimeoutMs: 10_000,
    },
    hosts: {},
    webServers: {
      on: null,
      threads: Math.max(2, availableParallelism() - 1),
      autoscale: null,
      heapMb: null,
      hangTimeoutMs: 5000,
    },
    sessionServers: [
      { name: 'a', on: null, port: null, store: { kind: 'memory' } },
      { name: 'b', on: null, port: null, store: { kind: 'memory' } },
    ],
    cluster: { keys: [], tls: null, timeoutMs: 2000 },
    replication: { copies: 2, acks: 'one', ackTimeoutMs: 5000, outboxMaxBytes: 32 * 1024 ** 2 },
    session: {
      secrets: [SECRET],
      name: 'troupe.sid',
      ttlMs: 1_800_000,
      maxBytes: 65_536,
      rolling: false,
      indexes: {},
      unset: 'keep',
      cookie: {
        path: '/',
        domain: null,
        httpOnly: true,
        secure: 'auto',
        sameSite: 'lax',
        partitioned: false,
        maxAgeMs: null,
      },
    },
    cache: { maxBytes: 256 * 1024 ** 2 },
    admin: null,
    startTimeoutMs: 30_000,
    drainTimeoutMs: 30_000,
    log: { level: 'info', pretty: 'auto', requests: false, queries: false },
  })
})

t.test('durations and sizes are numbers of ms and bytes, or texts with a unit', async t => {
  t.equal(configOf({ session: { ttl: '90m' } }).session.ttlMs, 5_400_000)
  t.equal(configOf({ session: { ttl: 2500 } }).session.ttlMs, 2500)
  t.equal(configOf({ session: { cookie: { maxAge: '1.5h' } } }).session.cookie.maxAgeMs, 5_400_000)
  t.equal(configOf({ session: { maxBytes: '1kb' } }).session.maxBytes, 1024)
  t.equal(configOf({ session: { maxBytes: 1000 } }).session.maxBytes, 1000)
  t.equal(configOf({ cache: { maxBytes: '1.5 GB' } }).cache.maxBytes, 1.5 * 1024 ** 3)
  for (const ttl of ['soon', '30', '-5m', '', '0s', '401d', 1.5, true, null]) {
    t.match(problemsOf({ app: 'a', session: { ttl } }), {
      'session.ttl': /expected a duration from 1s to 400d/,
    })
  }
  for (const maxBytes of ['big', '64', '-1kb', '17mb', 0.5, {}]) {
    t.match(problemsOf({ app: 'a', session: { maxBytes } }), {
      'session.maxBytes': /expected a size from 256b to 16mb/,
    })
  }
})

t.test(
  'all problems of a file come together, each with its path, what was found and what was expected',
  async t => {
    const problems = problemsOf({
      listen: { port: 'http', prot: 80 },
      sessionServers: [{ name: 'web-1' }, { name: 'b', stor: 'memory' }],
      replication: { copies: 5, acks: 'two' },
      session: { ttl: 'soon' },
      cache: 3,
      color: 'red',
    })
    t.same(Object.keys(problems).sort(), [
      'app',
      'cache',
      'color',
      'listen.port',
      'listen.prot',
      'replication.acks',
      'session.ttl',
      'sessionServers[0].name',
      'sessionServers[1].stor',
    ])
    t.match(problems, {
      app: 'found nothing, expected the path of your app',
      'listen.port': 'found "http", expected a port: a whole number from 0 to 65535',
      'listen.prot':
        'found an unknown key, expected one of the known keys: host, socket, tls, proxyProtocol, port',
      'replication.acks': 'found "two", expected one of "none", "one", "all"',
      cache: 'found 3, expected an object with maxBytes',
    })
  },
)

t.test('the message of a refused configuration has one line for each problem', async t => {
  t.throws(() => validateConfig({ listen: { port: -1 } }, origin()), {
    code: 'CONFIG_INVALID',
    message: /^troupe\.json is not a valid configuration:\n {2}app: .*\n {2}listen\.port: [^\n]*$/,
  })
})

t.test('a file that holds no object is refused as a whole', async t => {
  for (const raw of [null, [], 'app.js', 5]) {
    t.match(problemsOf(raw), { '': 'expected an object with at least "app"' })
  }
})

t.test('rules between keys are checked even when other sections have problems', async t => {
  t.match(
    problemsOf({
      app: 'a',
      listen: { headersTimeout: '2h' },
      replication: { copies: 3, outboxMaxBytes: '64kb' },
      session: { maxBytes: '1mb' },
      admin: { port: 8080 },
      log: { level: 'loud' },
    }),
    {
      'listen.headersTimeout': 'at most listen.requestTimeout (3600000 ms)',
      'replication.copies': 'found 3, expected at most 2, the number of session servers',
      'replication.outboxMaxBytes': 'at least session.maxBytes (1048576 bytes)',
      'admin.port': 'a port other than listen.port',
      'log.level': 'expected one of "fatal"',
    },
  )
})

t.test('copies default to two, or to one where there is one session server; "all" stays', async t => {
  t.equal(configOf({ sessionServers: [{ name: 'only' }] }).replication.copies, 1)
  t.equal(configOf({ sessionServers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] }).replication.copies, 2)
  t.equal(configOf({ replication: { copies: 'all' } }).replication.copies, 'all')
})

t.test('names of session servers are unique and unlike those of other actors', async t => {
  t.match(problemsOf({ app: 'a', sessionServers: [{ name: 'a' }, { name: 'a' }] }), {
    'sessionServers[1].name': 'a name that no other session server has',
  })
  for (const name of ['director', 'web-1', 'A', '1a', '', 'a_b', 'a'.repeat(32)]) {
    t.match(problemsOf({ app: 'a', sessionServers: [{ name }] }), {
      'sessionServers[0].name': /a name of its own/,
    })
  }
  t.equal(configOf({ sessionServers: [{ name: 'web-store' }] }).sessionServers[0]?.name, 'web-store')
  t.match(problemsOf({ app: 'a', sessionServers: [] }), { sessionServers: /at least one session server/ })
  const many = Array.from({ length: 31 }, (_, index) => ({ name: `s${index}` }))
  t.match(problemsOf({ app: 'a', sessionServers: many }), { sessionServers: /at most 30/ })
})

t.test('without a secret a random one is made, and a warning says what that means', async t => {
  const first = validateConfig({ app: 'a' }, origin())
  const second = validateConfig({ app: 'a' }, origin())
  t.match(first.warnings, [/sessions will not outlive this process/])
  t.equal(Buffer.from(first.config.session.secrets[0] ?? '', 'base64url').length, 32)
  t.notSame(first.config.session.secrets, second.config.session.secrets)
})

t.test('a secret that is empty or short is refused and never shown', async t => {
  t.match(problemsOf({ app: 'a', session: { secret: '' } }), { 'session.secret': 'found an empty text' })
  t.match(problemsOf({ app: 'a', session: { secret: [] } }), { 'session.secret': /at least 16 characters/ })
  const problems = problemsOf({ app: 'a', session: { secret: [SECRET, '${SHORT}'] } }, { SHORT: 'hunter2' })
  t.match(problems, { 'session.secret[1]': 'found a text of 7 characters, expected a text of at least 16' })
  t.notMatch(JSON.stringify(problems), /hunter2/)
  t.same(configOf({ session: { secret: [SECRET, `${SECRET}, the old one`] } }).session.secrets, [
    SECRET,
    `${SECRET}, the old one`,
  ])
})

t.test('${NAME} stands for an environment variable in every text', async t => {
  const env = { SECRET, FOLDER: 'apps', PORT: '9000', OFF: 'false' }
  const raw = {
    app: '../${FOLDER}/${FOLDER}.js',
    listen: { port: '${PORT}', servedBy: '${OFF}' },
    session: { secret: '${SECRET}' },
  }
  const config = configOf(raw, env)
  t.equal(config.app.file, '/srv/shop/apps/apps.js')
  t.match(config.listen.listeners, [{ at: { port: 9000 } }])
  t.equal(config.listen.servedBy, false)
  t.same(config.session.secrets, [SECRET])
  t.match(problemsOf({ app: 'a', listen: { port: '9000' } }), { 'listen.port': /a whole number/ })
  t.match(problemsOf({ app: 'a', listen: { port: '${PORT}' } }, { PORT: 'http' }), {
    'listen.port': 'found "http"',
  })
})

t.test('a missing environment variable is one problem that names it', async t => {
  t.same(problemsOf({ app: 'a', session: { secret: '${TROUPE_SECRET}' }, listen: { host: '${A-B}' } }), {
    'session.secret': 'found ${TROUPE_SECRET}, expected the environment variable TROUPE_SECRET to be set',
    'listen.host': 'found ${A-B}, expected the name of an environment variable between the braces',
  })
  t.match(problemsOf({ app: 'a', session: { secret: '${EMPTY}' } }, { EMPTY: '' }), {
    'session.secret': 'found an empty text',
  })
})

t.test('cookies that browsers would drop are refused', async t => {
  const cookie = (value: object, name = 'sid') => problemsOf({ app: 'a', session: { name, cookie: value } })
  t.match(cookie({ sameSite: 'none' }), { 'session.cookie.secure': /true since sameSite is "none"/ })
  t.match(cookie({ sameSite: 'none', secure: 'auto' }), { 'session.cookie.secure': /found "auto"/ })
  t.match(cookie({ partitioned: true }), { 'session.cookie.secure': /true since partitioned is true/ })
  t.match(cookie({ secure: true, path: '/shop' }, '__Host-sid'), { 'session.name': /cookie\.path "\/"/ })
  t.match(cookie({}, '__Secure-sid'), { 'session.name': /cookie\.secure true/ })
  t.match(cookie({ path: 'shop' }), { 'session.cookie.path': /begins with "\/"/ })
  t.match(cookie({ path: '/; Domain=evil' }), { 'session.cookie.path': /without ";"/ })
  t.match(cookie({ domain: 'a;b' }), { 'session.cookie.domain': /a domain name/ })
  t.match(cookie({}, 'a b'), { 'session.name': /a cookie name/ })
  t.doesNotThrow(() => configOf({ session: { name: '__Host-sid', cookie: { secure: true } } }))
  t.doesNotThrow(() =>
    configOf({ session: { cookie: { secure: true, sameSite: 'none', partitioned: true } } }),
  )
})

t.test('the admin listener stays on loopback, unless a token guards it', async t => {
  t.same(configOf({ admin: { port: 9090 } }).admin, { host: '127.0.0.1', port: 9090, token: null })
  const token = 'x'.repeat(32)
  t.same(configOf({ admin: { host: '0.0.0.0', port: 9090, token } }).admin, {
    host: '0.0.0.0',
    port: 9090,
    token,
  })
  const short = problemsOf({ app: 'a', admin: { port: 9090, token: 'too-short-a-token' } })
  t.match(short, { 'admin.token': /a text of 32 to 512/ })
  t.notMatch(JSON.stringify(short), /too-short-a-token/, 'which is not shown')
  t.match(problemsOf({ app: 'a', admin: { host: '0.0.0.0', port: 9090 } }), {
    'admin.host': /"127\.0\.0\.1"/,
  })
  t.match(problemsOf({ app: 'a', admin: {} }), { 'admin.port': 'found nothing, expected a port' })
})

t.test('the command line is stronger than the file, and checked by the same rules', async t => {
  const raw = { app: 'app.js', listen: { port: 1, servedBy: true } }
  const { config } = validateConfig(raw, origin(), { app: '/other/app.js', port: 0, threads: 3 })
  t.equal(config.app.file, '/other/app.js')
  t.match(config.listen, { listeners: [{ at: { port: 0 } }], servedBy: true })
  t.equal(config.webServers.threads, 3)
  t.throws(() => validateConfig({}, origin(), { app: '/a', threads: 0 }), /webServers\.threads: found 0/)
})
