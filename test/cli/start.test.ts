import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { troupe } from './run.js'

const APP = 'export default (request, response) => response.end()\n'

/** A port that somebody else listens on. */
async function takenPort(t: { teardown(end: () => void): void }): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test('without an app and without a file there is nothing to start', async t => {
  const { code, stderr } = await troupe(['start'], { cwd: t.testdir({}) })
  t.equal(code, 2)
  t.match(stderr, /app: found nothing, expected the path of your app, .*as APP/)
})

t.test('an app that does not exist is refused before anything starts', async t => {
  const cwd = t.testdir({})
  const { code, stderr } = await troupe(['start', 'none.js'], { cwd })
  t.equal(code, 2)
  t.equal(
    stderr,
    `troupe: app: ${join(cwd, 'none.js')} does not exist. Give the path of the module that exports your app.\n`,
  )
})

t.test('a port in use is refused with its address and what to do', async t => {
  const port = await takenPort(t)
  const cwd = t.testdir({ 'app.js': APP })
  const { code, stderr } = await troupe(['start', 'app.js', '--port', String(port)], { cwd })
  t.equal(code, 2)
  t.equal(
    stderr,
    `troupe: listen.port: 127.0.0.1:${port} is in use by another program; ` +
      'stop it, or choose another port with listen.port or --port.\n',
  )
})

t.test('an admin port in use is told apart from it', async t => {
  const port = await takenPort(t)
  const config = { app: 'app.js', listen: { port: 0 }, admin: { port } }
  const cwd = t.testdir({ 'app.js': APP, 'troupe.json': JSON.stringify(config) })
  const { code, stderr } = await troupe(['start', '--config', 'troupe.json'], { cwd })
  t.equal(code, 2)
  t.match(stderr, `admin.port: 127.0.0.1:${port} is in use by another program`)
  t.match(stderr, /^troupe: [^\n]+\n$/)
})

t.test('an address of another machine is refused', async t => {
  const config = { app: 'app.js', listen: { host: '192.0.2.1' } }
  const cwd = t.testdir({ 'app.js': APP, 'troupe.json': JSON.stringify(config) })
  const { code, stderr } = await troupe(['start', '--config', 'troupe.json'], { cwd })
  t.equal(code, 2)
  t.match(
    stderr,
    /listen\.host: can't listen on 192\.0\.2\.1:8080 \(EADDRNOTAVAIL\); give an address of this machine/,
  )
})
