/** Listeners of every kind at one front: they open together, share one limit, end what is late, and close together. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { Authority } from '../../../support/certificates.js'
import { eventually } from '../../../support/http-client.js'
import {
  dial,
  dialTls,
  type Listener,
  listener,
  serveApp,
  shortFolder,
  tlsOf,
  untilClosed,
} from '../../../support/listeners.js'
import { needs } from '../../../support/needs.js'

needs('openssl')

const authority = await Authority.make(t)
const files = await authority.issueFiles('IP:127.0.0.1,DNS:localhost')
const tls = tlsOf(files)
const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

const addresses: Listener = (req, res) => {
  const { remoteAddress, localAddress } = req.socket
  const encrypted = 'encrypted' in req.socket && req.socket.encrypted === true
  res.end(
    JSON.stringify({ remoteAddress: remoteAddress ?? null, localAddress: localAddress ?? null, encrypted }),
  )
}

t.test('IPv4, IPv6, a unix socket and TLS serve the same app at once', async t => {
  const path = join(await shortFolder(t), 'troupe.sock')
  const { urls, front } = await serveApp(
    t,
    {
      listeners: [
        listener(),
        listener({ at: { kind: 'tcp', host: '::1', port: 0 } }),
        listener({ at: { kind: 'socket', path } }),
        listener({ tls }),
      ],
    },
    addresses,
  )
  const [ipv4 = '', ipv6 = '', unix = '', secure = ''] = urls
  t.match(
    [ipv4, ipv6, secure],
    [/^http:\/\/127\.0\.0\.1:\d+$/, /^http:\/\/\[::1\]:\d+$/, /^https:\/\/127\.0\.0\.1:\d+$/],
  )
  t.equal(unix, `unix:${path}`)
  const ask = async (url: string) => {
    const socket = url === secure ? await dialTls(url, { ca: await authority.ca }) : dial(url)
    socket.write(GET)
    return JSON.parse((await untilClosed(socket)).split('\r\n\r\n')[1] ?? '')
  }
  t.same(await ask(ipv4), { remoteAddress: '127.0.0.1', localAddress: '127.0.0.1', encrypted: false })
  t.same(await ask(ipv6), { remoteAddress: '::1', localAddress: '::1', encrypted: false })
  t.same(await ask(unix), { remoteAddress: null, localAddress: null, encrypted: false })
  t.same(await ask(secure), { remoteAddress: '127.0.0.1', localAddress: '127.0.0.1', encrypted: true })
  const idle = [dial(ipv4), dial(ipv6), dial(unix), await dialTls(secure, {})]
  await Promise.all([...idle.map(socket => untilClosed(socket)), front.stop(60_000)])
  for (const url of urls) t.match(await once(dial(url), 'error'), [{ code: /ECONNREFUSED|ENOENT/ }])
  t.notOk(existsSync(path), 'the file of the socket is gone')
})

t.test('when one can not open none is open', async t => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as { port: number }
  const path = join(await shortFolder(t), 'troupe.sock')
  const socket = listener({ at: { kind: 'socket', path } })
  const busy = listener({ at: { kind: 'tcp', host: '127.0.0.1', port } })
  await t.rejects(serveApp(t, { listeners: [socket, busy] }, addresses), { code: 'EADDRINUSE' })
  t.notOk(existsSync(path))
  const broken = listener({ tls: tlsOf({ ...files, key: `${path}.key` }) })
  await t.rejects(serveApp(t, { listeners: [socket, broken] }, addresses), {
    code: 'LISTEN_TLS',
    message: `listen.tls.key: ${path}.key can't be read (ENOENT). Give the path of a PEM file that this user may read.`,
  })
  t.notOk(existsSync(path))
})

t.test('a client that has come meanwhile does not keep it from failing', async t => {
  const path = join(await shortFolder(t), 'troupe.sock')
  const first = listener({ at: { kind: 'socket', path } })
  // Many files to read, so that there is time for the client.
  const { certificate } = tls
  const slow = listener({ tls: { ...tls, sni: Array.from({ length: 100 }, () => certificate) } })
  const failed = serveApp(t, { listeners: [first, slow, listener({ ...first })] }, addresses)
  const outcome = t.rejects(failed, { code: 'EADDRINUSE' })
  await eventually(() => existsSync(path), 'the first listens')
  const client = dial(`unix:${path}`)
  await once(client, 'connect')
  await Promise.all([outcome, untilClosed(client)])
})

/** Lets another process listen there and kills it. */
async function killedServer(path: string): Promise<void> {
  const script = 'require("net").createServer().listen(process.argv[1], () => console.log("listens"))'
  const child = spawn(process.execPath, ['-e', script, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  child.kill('SIGKILL')
  await once(child, 'close')
}

t.test(
  'the socket file of a dead server is replaced, that of a live one is not, nor is another file',
  async t => {
    const folder = await shortFolder(t)
    await writeFile(join(folder, 'file.sock'), 'precious')
    const at = (name: string) => listener({ at: { kind: 'socket', path: join(folder, name) } })
    await killedServer(join(folder, 'a.sock'))
    t.ok(existsSync(join(folder, 'a.sock')), 'it left its file')
    const { urls } = await serveApp(t, { listeners: [at('a.sock')] }, addresses)
    const socket = dial(urls[0] ?? '')
    socket.write(GET)
    t.match(await untilClosed(socket), /^HTTP\/1\.1 200 /)
    await t.rejects(serveApp(t, { listeners: [at('a.sock')] }, addresses), { code: 'EADDRINUSE' })
    await t.rejects(serveApp(t, { listeners: [at('file.sock')] }, addresses), { code: 'EADDRINUSE' })
    t.equal(readFileSync(join(folder, 'file.sock'), 'utf8'), 'precious')
    await t.rejects(serveApp(t, { listeners: [at('x'.repeat(108))] }, addresses), { code: 'ENAMETOOLONG' })
  },
)

t.test(
  'a head that does not come to its end is ended on every kind of listener, and so is silence',
  async t => {
    const path = join(await shortFolder(t), 'troupe.sock')
    const { urls } = await serveApp(
      t,
      {
        headersTimeoutMs: 1_000,
        listeners: [
          listener(),
          listener({ at: { kind: 'socket', path } }),
          listener({ tls }),
          listener({ proxyProtocol: true }),
        ],
      },
      addresses,
    )
    const [plain = '', unix = '', secure = '', proxied = ''] = urls
    const slow = 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: '
    const ends = async (socket: ReturnType<typeof dial>, bytes: string) => {
      socket.write(bytes)
      return await untilClosed(socket)
    }
    const answers = await Promise.all([
      ends(dial(plain), slow),
      ends(dial(unix), slow),
      ends(await dialTls(secure, {}), slow),
      ends(dial(proxied), `PROXY UNKNOWN\r\n${slow}`),
      ends(dial(proxied), 'PROXY TCP4 192.0.2.'),
      ends(dial(secure), '\x16\x03\x01'),
      ends(await dialTls(secure, { ALPNProtocols: ['h2'] }), 'PRI * HTTP'),
    ])
    for (const answer of answers.slice(0, 4)) t.match(answer, /^HTTP\/1\.1 408 Request Timeout/)
    t.same(answers.slice(4, 6), ['', ''])
  },
)

t.test('maxConnections counts over all listeners', async t => {
  const { urls, front } = await serveApp(
    t,
    { maxConnections: 2, listeners: [listener(), listener({ tls })] },
    addresses,
  )
  const [plain = '', secure = ''] = urls
  const first = dial(plain)
  await once(first, 'connect')
  const second = await dialTls(secure, {})
  t.equal(await untilClosed(dial(plain)), '', 'the third is closed at once')
  first.destroy()
  await eventually(async () => {
    const again = dial(plain)
    again.write(GET)
    return (await untilClosed(again)).startsWith('HTTP/1.1 200')
  }, 'there is room again')
  second.destroy()
  await front.stop(0)
})

t.test('a stop does not wait for connections that have not become HTTP', async t => {
  const { urls, front } = await serveApp(
    t,
    { listeners: [listener({ tls }), listener({ proxyProtocol: true })] },
    addresses,
  )
  const sockets = urls.map(dial)
  await Promise.all(sockets.map(socket => once(socket, 'connect')))
  sockets[1]?.write('PROXY TCP4 ')
  await new Promise(resolve => setTimeout(resolve, 20))
  await Promise.all([front.stop(600_000), ...sockets.map(untilClosed)])
})
