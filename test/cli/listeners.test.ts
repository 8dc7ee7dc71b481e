/** What the command line says of listeners before anything is started. */

import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Authority } from '../support/certificates.js'
import { needs } from '../support/needs.js'
import { Command, troupe } from './run.js'

needs('openssl')

const APP = 'export default (request, response) => response.end()\n'
const SECRET = { secret: 'sixteen characters' }
const cwd = await mkdtemp(join(tmpdir(), 'troupe-'))
t.teardown(() => rm(cwd, { recursive: true }))
await writeFile(join(cwd, 'app.js'), APP)

async function configure(listen: object): Promise<string[]> {
  await writeFile(join(cwd, 'troupe.json'), JSON.stringify({ app: 'app.js', listen, session: SECRET }))
  return ['--config', 'troupe.json']
}

t.test('a certificate that is missing is refused by check and by start, with its path', async t => {
  const args = await configure({ port: 0, tls: { cert: 'no.pem', key: 'no.key' } })
  for (const command of ['check', 'start']) {
    t.match(await troupe([command, ...args], { cwd }), {
      code: 2,
      stderr:
        /^troupe: listen\.tls\.(cert|key): \S+no\.(pem|key) can't be read \(ENOENT\)\. Give the path[^\n]+\n$/,
    })
  }
})

t.test('a socket that somebody listens on is refused, and one that is another file', async t => {
  const server = createServer().listen(join(cwd, 'live.sock'))
  await once(server, 'listening')
  t.teardown(() => server.close())
  for (const [socket, problem] of [
    ['live.sock', 'is in use by another program; stop it, or give another path'],
    ['app.js', 'is a file that is not a socket; remove it, or give another path'],
    ['x'.repeat(108), 'is longer than the 107 bytes'],
    ['none/a.sock', "can't be made (EACCES)"],
  ] as const) {
    const args = await configure({ port: 0, also: [{ socket }] })
    const { code, stderr } = await troupe(['start', ...args], { cwd })
    t.equal(code, 2)
    t.match(stderr, `troupe: listen.also[0].socket: ${join(cwd, socket)} ${problem}`)
  }
})

t.test('every listener is told, by check and at the start', async t => {
  const authority = await Authority.make(t)
  const tls = await authority.issueFiles('IP:127.0.0.1')
  const args = await configure({ port: 0, tls, also: [{ socket: 'troupe.sock' }, { host: '::1', port: 0 }] })
  const { stdout } = await troupe(['check', ...args], { cwd })
  t.match(stdout, ` on 127.0.0.1:0 (TLS) and ${join(cwd, 'troupe.sock')} and [::1]:0, web servers`)
  const command = new Command(['start', ...args], { cwd })
  t.teardown(() => command.process.kill('SIGKILL'))
  const [, url, urls = ''] = await command.printed(/"url":"(https:[^"]+)".*"urls":(\[[^\]]*\][^\]]*\])/)
  t.match(url, /^https:\/\/127\.0\.0\.1:\d+$/)
  t.match(urls, `"unix:${join(cwd, 'troupe.sock')}"`)
  command.process.kill('SIGTERM')
  t.equal((await command.finished).code, 0)
})
