/** A real cluster at several listeners, with real clients: curl, undici and node:http2 over TLS, IPv6 and a unix socket. */
import { execFile } from 'node:child_process'
import { copyFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { Agent, request } from 'undici'
import { Authority } from '../support/certificates.js'
import { startCluster } from '../support/cluster.js'
import { askHttp2, dialTls, http2Session, shortFolder } from '../support/listeners.js'
import { needs } from '../support/needs.js'
import { until } from '../support/until.js'
import { Visitor } from '../support/visitor.js'

needs('openssl')
needs('curl')

const run = promisify(execFile)
const authority = await Authority.make(t)
const ca = await authority.ca
const folder = await shortFolder(t)
const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
const [first, second] = await Promise.all([
  authority.issueFiles('IP:127.0.0.1'),
  authority.issueFiles('IP:127.0.0.1'),
])
await writeFile(join(folder, 'ca.pem'), ca)

async function putInPlace({ cert, key }: typeof first): Promise<void> {
  await copyFile(cert, files.cert)
  await copyFile(key, files.key)
}

await putInPlace(first)
const cluster = await startCluster(t, {
  listen: {
    tls: files,
    trustProxy: ['::1', 'linklocal'],
    also: [{ port: 0 }, { host: '::1', port: 0 }, { socket: join(folder, 'troupe.sock') }],
  },
})
const [https = '', http = '', ipv6 = '', unix = ''] = cluster.urls

/** What curl prints: the head and the body, then the protocol and the status. */
async function curl(...args: string[]): Promise<string> {
  const { stdout } = await run('curl', [
    '-sS',
    '--globoff',
    '--cacert',
    join(folder, 'ca.pem'),
    '-i',
    ...args,
  ])
  return stdout
}

const isSecure = (answer: string) => /^set-cookie: [^\r]*; Secure/im.test(answer)

t.test('curl, with HTTP/1.1 and HTTP/2 over TLS', async t => {
  t.equal(cluster.url, https)
  const version = ['-w', '\n%{http_version}']
  for (const [flag, expected] of [
    ['--http2', '2'],
    ['--http1.1', '1.1'],
  ] as const) {
    const answer = await curl(flag, ...version, `${https}/`)
    t.match(answer, new RegExp(`^HTTP/${expected.replace('.', '\\.')} 200`))
    t.ok(answer.endsWith(`\n${expected}`))
    t.ok(isSecure(answer), 'the cookie is for TLS only')
  }
})

t.test('IPv4, IPv6 and a unix socket, of one cluster with one set of sessions', async t => {
  const visitor = new Visitor(http)
  t.teardown(() => visitor.leave())
  t.equal((await visitor.get('/')).text, '1')
  const cookie = ['-b', visitor.cookieHeader]
  t.match(await curl(...cookie, `${ipv6}/`), /\r\n\r\n2$/)
  t.match(
    await curl(...cookie, '--unix-socket', unix.slice('unix:'.length), 'http://localhost/'),
    /\r\n\r\n3$/,
  )
  t.match(await curl(...cookie, '--http2', `${https}/`), /\r\n\r\n4$/)
})

t.test('secure: "auto" believes a trusted proxy, and nobody else', async t => {
  const via = async (url: string, ...headers: string[]) =>
    isSecure(await curl(...headers.flatMap(header => ['-H', header]), `${url}/`))
  t.ok(await via(ipv6, 'X-Forwarded-Proto: https'))
  t.ok(await via(ipv6, 'Forwarded: for=192.0.2.1;proto=https'))
  t.notOk(await via(ipv6, 'X-Forwarded-Proto: http'))
  t.notOk(await via(ipv6))
  t.notOk(await via(http, 'X-Forwarded-Proto: https'), 'the peer is not trusted')
  t.notOk(await via(http, 'Forwarded: proto=https'))
  t.ok(await via(https, 'X-Forwarded-Proto: http'), 'nor can it take TLS away')
})

t.test('undici over HTTP/2, and a session that outlives its web server on the same connection', async t => {
  const agent = new Agent({ allowH2: true, connections: 1, connect: { ca } })
  const visitor = new Visitor(https, agent)
  t.teardown(() => visitor.leave())
  const { servedBy, text } = await visitor.get('/')
  t.equal(text, '1')
  await cluster.whole()
  await cluster.lose(servedBy ?? '')
  t.equal((await visitor.get('/')).text, '2')
  const session = http2Session(t, new URL(https), ca)
  const answer = await askHttp2(session, { ':path': '/', cookie: visitor.cookieHeader.split('; ') })
  t.match(answer, { status: 200, text: '3' })
})

t.test('certificates are exchanged under load and no request fails', async t => {
  await cluster.whole()
  const serial = async () => {
    const socket = await dialTls(https, {})
    const { serialNumber } = socket.getPeerCertificate()
    socket.destroy()
    return serialNumber
  }
  const before = await serial()
  let running = true
  let answered = 0
  const failures: unknown[] = []
  const load = async (allowH2: boolean, isFresh: boolean) => {
    let agent = new Agent({ allowH2, connect: { ca } })
    while (running) {
      try {
        const { statusCode, body } = await request(`${https}/static`, { dispatcher: agent })
        await body.dump()
        if (statusCode !== 200) failures.push(statusCode)
        answered++
      } catch (error) {
        failures.push(error)
      }
      if (!isFresh) continue
      await agent.close()
      agent = new Agent({ allowH2, connect: { ca } })
    }
    await agent.close()
  }
  const loads = [load(true, false), load(false, false), load(true, true), load(false, true)]
  await until(() => answered > 20)
  for (const next of [second, first, second]) {
    await putInPlace(next)
    await cluster.reloadCertificates()
    const target = answered + 20
    await until(() => answered > target)
  }
  running = false
  await Promise.all(loads)
  t.same(failures, [])
  t.not(await serial(), before)
  t.comment(`${answered} requests`)
})
