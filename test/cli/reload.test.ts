/** SIGHUP gives a running `troupe start` new code and new settings. */
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { until } from '../support/until.js'
import { serve } from './run.js'

const app = (release: string) => `
export default (request, response) => {
  request.session.visits = (request.session.visits ?? 0) + 1
  response.end('${release}: visit ' + request.session.visits)
}
`
const config = (part: object = {}) =>
  JSON.stringify({
    app: 'app.js',
    listen: { port: 0 },
    webServers: { threads: 1 },
    sessionServers: [{ name: 'a', store: 'memory' }],
    ...part,
  })

t.test('SIGHUP', async t => {
  const cwd = t.testdir({ 'app.js': app('first'), 'troupe.json': config() })
  const { command, url } = await serve(t, ['--config', 'troupe.json'], { cwd })
  const { headers } = await fetch(url)
  const cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
  const visit = async () => (await fetch(url, { headers: { cookie } })).text()

  await t.test('brings the app and the settings of this moment; the drawn secret stays', async t => {
    await writeFile(join(cwd, 'app.js'), app('second'))
    await writeFile(join(cwd, 'troupe.json'), config({ webServers: { threads: 2 } }))
    command.process.kill('SIGHUP')
    await command.printed(/"webServers":\["web-1","web-2"\],.*"msg":"reloaded"/)
    t.equal(await visit(), 'second: visit 2')
  })

  await t.test('says why nothing was changed, and serves on', async t => {
    await writeFile(join(cwd, 'app.js'), 'throw new Error("broken for the test")')
    command.process.kill('SIGHUP')
    await command.printed(/"level":50.*broken for the test.*RELOAD_FAILED.*"msg":"reload failed"/)
    await writeFile(join(cwd, 'troupe.json'), config({ replication: { acks: 'all' } }))
    command.process.kill('SIGHUP')
    await command.printed(/replication\.acks.*RELOAD_REFUSED.*"msg":"reload failed"/)
    await writeFile(join(cwd, 'troupe.json'), '{')
    command.process.kill('SIGHUP')
    await command.printed(/CONFIG_SYNTAX.*"msg":"reload failed"/)
    t.equal(await visit(), 'second: visit 3')
  })

  command.process.kill('SIGTERM')
  const { code, stderr } = await command.finished
  t.equal(code, 0)
  t.equal(stderr, '')
  await until(() => command.process.exitCode !== null)
})
