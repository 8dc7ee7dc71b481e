// biome-ignore-all lint/suspicious/noTemplateCurlyInString: that is how a configuration names a variable
/** The listeners of a configuration: where each is, its certificates, and whom it believes. */
import t from 'tap'
import { ConfigInvalidError } from '../../lib/config/problems.js'
import type { Config } from '../../lib/config/schema.js'
import { validateConfig } from '../../lib/config/validate.js'

const origin = { source: 'troupe.json', folder: '/srv', env: { TRUST: 'true', HOPS: '2' } }

function listen(section: object, more: object = {}): Config['listen'] {
  return validateConfig({ app: 'a', listen: section, ...more }, origin).config.listen
}

function problemsOf(section: object, more: object = {}): Record<string, string> {
  try {
    listen(section, more)
  } catch (error) {
    if (!(error instanceof ConfigInvalidError)) throw error
    return Object.fromEntries(
      error.problems.map(({ path, found, expected }) => [path, `found ${found}, expected ${expected}`]),
    )
  }
  throw new Error('the configuration was accepted')
}

const tls = { cert: 'cert.pem', key: '/etc/key.pem' }

t.test('the section describes the first listener, and "also" the others', async t => {
  const { listeners } = listen({
    port: 443,
    host: '0.0.0.0',
    tls,
    also: [{ host: '::1', port: 0, proxyProtocol: true }, { socket: 'run/troupe.sock' }, { port: 80 }],
  })
  t.match(listeners, [
    { place: 'listen', at: { kind: 'tcp', host: '0.0.0.0', port: 443 }, proxyProtocol: false },
    { place: 'listen.also[0]', at: { kind: 'tcp', host: '::1', port: 0 }, tls: null, proxyProtocol: true },
    { place: 'listen.also[1]', at: { kind: 'socket', path: '/srv/run/troupe.sock' }, tls: null },
    { place: 'listen.also[2]', at: { kind: 'tcp', host: '127.0.0.1', port: 80 }, tls: null },
  ])
  t.same(listen({ socket: '/run/troupe.sock' }).listeners, [
    { place: 'listen', at: { kind: 'socket', path: '/run/troupe.sock' }, tls: null, proxyProtocol: false },
  ])
})

t.test('certificates are files relative to the configuration, by name where there are several', async t => {
  const sni = [
    { names: ['Shop.Example', '*.shop.example'], cert: 'a.pem', key: 'a.key', passphrase: 'hunter2' },
  ]
  t.same(listen({ tls: { ...tls, sni, http2: false } }).listeners[0]?.tls, {
    certificate: {
      names: [],
      cert: '/srv/cert.pem',
      key: '/etc/key.pem',
      passphrase: null,
      place: 'listen.tls',
    },
    sni: [
      {
        names: ['shop.example', '*.shop.example'],
        cert: '/srv/a.pem',
        key: '/srv/a.key',
        passphrase: 'hunter2',
        place: 'listen.tls.sni[0]',
      },
    ],
    http2: false,
  })
  t.match(problemsOf({ tls: { cert: 'a' } }), {
    'listen.tls.key': 'found nothing, expected the path of a PEM file',
  })
  const names = (...list: unknown[]) => ({
    tls: { ...tls, sni: list.map(each => ({ names: each, ...tls })) },
  })
  t.match(problemsOf(names(['a.*.example'])), {
    'listen.tls.sni[0].names[0]': 'expected a server name such as',
  })
  t.match(problemsOf(names([])), { 'listen.tls.sni[0].names': 'expected a list of server names' })
  t.match(problemsOf(names(['a.example'], ['b.example', 'A.example'])), {
    'listen.tls.sni[1].names[1]': 'a name that no other certificate has',
  })
  const problems = problemsOf({ tls: { ...tls, passphrase: 17, sni: [{ ...sni[0], passphrase: '' }] } })
  t.match(problems, { 'listen.tls.passphrase': 'found 17' })
  t.match(problemsOf({ tls: { ...tls, passphrase: ['hunter2'] } }), {
    'listen.tls.passphrase': 'found a list of 1',
  })
})

t.test('a listener has a place, one, and its own', async t => {
  t.match(problemsOf({ socket: 'a.sock', port: 80 }), {
    'listen.port': 'found 80, expected nothing, since socket is set; or leave socket out',
  })
  t.match(problemsOf({ also: [{ socket: 'a.sock', host: '::1' }, {}] }), {
    'listen.also[0].host': 'expected nothing, since socket is set',
    'listen.also[1].port': 'found nothing, expected a port, or socket to be set',
  })
  t.match(
    problemsOf(
      { also: [{ port: 8080 }, { socket: 'a.sock' }, { socket: './a.sock' }] },
      { admin: { port: 8080 } },
    ),
    {
      'listen.also[0].port': 'a port that no other listener has',
      'listen.also[2].socket': 'a path that no other listener has',
      'admin.port': 'a port other than listen',
    },
  )
  t.match(problemsOf({ also: [{ port: 9090 }] }, { admin: { port: 9090 } }), {
    'admin.port': 'a port other than listen.also[0].port',
  })
  t.doesNotThrow(() => listen({ port: 0, also: [{ port: 0 }, { host: '::1', port: 8080 }] }))
  t.doesNotThrow(() => listen({ socket: 'a.sock' }, { admin: { port: 8080 } }))
  t.match(problemsOf({ also: [{ port: 1, keepAliveTimeout: '1s' }] }), {
    'listen.also[0].keepAliveTimeout':
      'expected one of the known keys: host, socket, tls, proxyProtocol, port',
  })
})

t.test('trustProxy is what Express takes, in words that can be checked', async t => {
  const trust = (trustProxy: unknown) => listen({ trustProxy }).trustProxy
  t.equal(listen({}).trustProxy, false)
  t.equal(trust(true), true)
  t.equal(trust(2), 2)
  t.same(trust('loopback, 10.0.0.0/8'), ['loopback', '10.0.0.0/8'])
  t.same(trust(['uniquelocal', 'fe80::1']), ['uniquelocal', 'fe80::1'])
  t.equal(trust('${TRUST}'), true)
  t.equal(trust('${HOPS}'), 2)
  for (const wrong of ['everybody', '10.0.0.0/33', '', '2', 0, 33, [], ['loopback', 'x'], null]) {
    t.match(problemsOf({ trustProxy: wrong }), { 'listen.trustProxy': 'expected' }, JSON.stringify(wrong))
  }
})
