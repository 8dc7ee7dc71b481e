/** Certificates of a listener: by name, read again on demand and by themselves, and never a worse one than before. */
import { copyFile, mkdir, rename, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { TLSSocket } from 'node:tls'
import t from 'tap'
import { Authority } from '../../../support/certificates.js'
import { eventually } from '../../../support/http-client.js'
import { dialTls, listener, serveApp, shortFolder, tlsOf } from '../../../support/listeners.js'
import { needs } from '../../../support/needs.js'

needs('openssl')

const authority = await Authority.make(t)
const ca = await authority.ca
const [first, shop, wildcard, renewed, again] = await Promise.all(
  ['IP:127.0.0.1', 'DNS:shop.example', 'DNS:*.shop.example', 'IP:127.0.0.1', 'IP:127.0.0.1'].map(names =>
    authority.issueFiles(names),
  ),
)
if (!first || !shop || !wildcard || !renewed || !again) throw new Error('openssl made too few certificates')

/** The serial number of the certificate that a client is shown. */
async function serialOf(url: URL, servername?: string): Promise<string> {
  const socket: TLSSocket = await dialTls(url, servername === undefined ? {} : { servername })
  const { serialNumber } = socket.getPeerCertificate()
  socket.destroy()
  return serialNumber
}

/** A server whose certificate lies in two files of its own. */
async function replaceable(t: Parameters<typeof serveApp>[0]) {
  const folder = await shortFolder(t)
  const files = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem') }
  await copyFile(first?.cert ?? '', files.cert)
  await copyFile(first?.key ?? '', files.key)
  const told: unknown[] = []
  const served = await serveApp(
    t,
    { listeners: [listener({ tls: tlsOf(files) })] },
    (_, res) => res.end('ok'),
    error => told.push(error),
  )
  return { ...served, folder, files, told }
}

t.test('a client gets the certificate of the name that it asks for', async t => {
  const sni = [
    { ...shop, names: ['shop.example'], passphrase: null, place: 'listen.tls.sni[0]' },
    { ...wildcard, names: ['*.shop.example'], passphrase: null, place: 'listen.tls.sni[1]' },
  ]
  const { url } = await serveApp(t, { listeners: [listener({ tls: tlsOf(first, { sni }) })] }, (_, res) =>
    res.end(),
  )
  const subject = async (servername?: string) => {
    const socket = await dialTls(url, servername === undefined ? {} : { servername })
    const { subjectaltname } = socket.getPeerCertificate()
    socket.destroy()
    return subjectaltname
  }
  t.equal(await subject(), 'IP Address:127.0.0.1')
  t.equal(await subject('shop.example'), 'DNS:shop.example')
  t.equal(await subject('SHOP.example'), 'DNS:shop.example')
  t.equal(await subject('www.shop.example'), 'DNS:*.shop.example')
  t.equal(await subject('a.www.shop.example'), 'IP Address:127.0.0.1', 'a star is one label')
  t.equal(await subject('other.example'), 'IP Address:127.0.0.1')
})

t.test('TLS 1.1 is refused', async t => {
  const { url } = await serveApp(t, { listeners: [listener({ tls: tlsOf(first) })] }, (_, res) => res.end())
  await t.rejects(dialTls(url, { maxVersion: 'TLSv1.1', minVersion: 'TLSv1' } as object))
})

t.test('read again on demand, and only if they are good', async t => {
  const { url, front, files } = await replaceable(t)
  const before = await serialOf(url)
  const open = await dialTls(url, { ca })
  await copyFile(renewed.cert, files.cert)
  await t.rejects(front.reloadCertificates(), {
    code: 'LISTEN_TLS',
    message: /^listen\.tls\.key: .* can't be used with/,
  })
  t.equal(await serialOf(url), before, 'a key that does not fit changes nothing')
  await copyFile(renewed.key, files.key)
  await front.reloadCertificates()
  t.not(await serialOf(url), before)
  await writeFile(files.cert, 'no certificate')
  await t.rejects(front.reloadCertificates(), { code: 'LISTEN_TLS', message: /^listen\.tls\.cert: / })
  t.not(await serialOf(url), before, 'nor does a broken file')
  open.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  t.match(String(await new Promise(resolve => open.once('data', resolve))), /200 OK/, 'open connections stay')
  open.destroy()
})

t.test('replaced by renames, one file after the other, it is used within seconds', async t => {
  const { url, files, folder, told } = await replaceable(t)
  const before = await serialOf(url)
  for (const which of ['cert', 'key'] as const) {
    await copyFile(renewed[which], join(folder, 'new'))
    await rename(join(folder, 'new'), files[which])
  }
  await eventually(async () => (await serialOf(url)) !== before, 'the new one is used')
  t.same(told, [null])
})

t.test(
  'behind links that are moved to another folder it is found as well; a bad one is told once',
  async t => {
    const folder = await shortFolder(t)
    for (const [name, files] of [
      ['1', first],
      ['2', renewed],
      ['3', { cert: again.cert, key: renewed.key }],
    ] as const) {
      await mkdir(join(folder, name))
      await copyFile(files.cert, join(folder, name, 'cert.pem'))
      await copyFile(files.key, join(folder, name, 'key.pem'))
    }
    const pointTo = async (name: string) => {
      await symlink(name, join(folder, 'next'))
      await rename(join(folder, 'next'), join(folder, 'data'))
    }
    await pointTo('1')
    const told: unknown[] = []
    const files = { cert: join(folder, 'data', 'cert.pem'), key: join(folder, 'data', 'key.pem') }
    const { url } = await serveApp(
      t,
      { listeners: [listener({ tls: tlsOf(files) })] },
      (_, res) => res.end(),
      error => told.push(error),
    )
    const before = await serialOf(url)
    await pointTo('2')
    await eventually(() => told.length === 1, 'it is noticed')
    const after = await serialOf(url)
    t.not(after, before)
    await pointTo('3')
    await eventually(() => told.length === 2, 'the bad one is told')
    t.match(told, [null, { code: 'LISTEN_TLS' }])
    t.equal(await serialOf(url), after)
  },
)
