/** Gateways and services over TLS: each end is who its certificate says, or nothing is sent. */
import { once } from 'node:events'
import { connect } from 'node:net'
import t from 'tap'
import { RemoteSessionServer } from '../../lib/session-server/gateways/remote-session-server.js'
import { DEFAULT_LIMITS } from '../../lib/session-server/service/limits.js'
import { startService } from '../../lib/session-server/service/service.js'
import { Authority } from '../support/certificates.js'
import { needs } from '../support/needs.js'
import { until } from '../support/until.js'
import { gateway, KEY, memoryServer, remoteOptions, service } from './remote-harness.js'
import { applyOf, mutationOf, TestOwner } from './session-server-tests.js'

needs('openssl')

t.test('with certificates of one authority on both ends copies are kept as without', async t => {
  const authority = await Authority.make(t)
  const { url } = await service(t, { tls: await authority.issue() })
  t.match(url, /^https:/)
  const owner = new TestOwner(await gateway(t, url, { tls: await authority.issue() }))
  t.match(await owner.ask(applyOf(1, mutationOf('s1', '"over TLS"'))), { type: 'applied', fenced: [] })
  t.strictSame(await owner.read('s1'), ['"over TLS"'])
})

t.test('a client without a certificate, or with one of another authority, is not let in', async t => {
  const authority = await Authority.make(t)
  const stranger = await (await Authority.make(t)).issue()
  const { url, stats } = await service(t, { tls: await authority.issue() })
  const { ca } = await authority.issue()
  const calls = [null, { ...stranger, ca }]
  for (const tls of calls) {
    await t.rejects(RemoteSessionServer.open(remoteOptions(url, { tls })), { code: 'REMOTE_UNREACHABLE' })
  }
  await t.rejects(RemoteSessionServer.open(remoteOptions(url.replace('https', 'http'))), {
    code: 'REMOTE_UNREACHABLE',
  })
  t.equal(stats().admitted, 0)
  await until(() => stats().refused.badTls >= calls.length + 1)
})

t.test('a service that has not a certificate of the authority gets no request', async t => {
  const authority = await Authority.make(t)
  const { url, stats } = await service(t, { tls: await (await Authority.make(t)).issue() })
  const opening = RemoteSessionServer.open(remoteOptions(url, { tls: await authority.issue() }))
  await t.rejects(opening, { code: 'REMOTE_UNREACHABLE', message: /certificates/ })
  t.equal(stats().admitted, 0)
})

t.test(
  'without an authority for clients only the service shows a certificate, and the key still counts',
  async t => {
    const authority = await Authority.make(t)
    const { cert, key } = await authority.issue()
    const { url } = await service(t, { tls: { ca: null, cert, key } })
    const tls = await authority.issue()
    t.match(await new TestOwner(await gateway(t, url, { tls })).ask(applyOf(1, mutationOf('s1'))), {
      type: 'applied',
    })
    await t.rejects(RemoteSessionServer.open(remoteOptions(url, { tls, keys: [] })), {
      code: 'REMOTE_UNAUTHORIZED',
    })
  },
)

t.test('a connection that begins no handshake is cut', async t => {
  const authority = await Authority.make(t)
  const limits = { ...DEFAULT_LIMITS, headTimeoutMs: 300 }
  const { port, stats } = await service(t, { limits, tls: await authority.issue() })
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await once(socket.resume(), 'close')
  t.equal(stats().refused.slow, 1)
})

t.test('certificates that can not be used are one clear error', async t => {
  const options = { host: '127.0.0.1', port: 0, keys: [KEY], limits: DEFAULT_LIMITS }
  const servers = new Map([['a', memoryServer(t)]])
  const tls = { ca: null, cert: 'no certificate', key: 'no key' }
  await t.rejects(startService({ ...options, servers, tls }), { code: 'SERVICE_TLS' })
})
