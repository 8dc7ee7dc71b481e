/** From an empty folder to an app that is being written. */
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { freePort } from '../support/free-port.js'
import { Command, serve, troupe } from './run.js'

const OTHERS = 0o077

await t.test('init makes an empty folder one that starts, and overwrites nothing', async t => {
  const cwd = t.testdir({})
  const [port, adminPort] = [await freePort(), await freePort()]
  const args = ['init', '--port', String(port), '--admin-port', String(adminPort)]
  const first = await troupe(args, { cwd })
  t.same(first, {
    code: 0,
    stdout:
      'wrote app.mjs\nwrote troupe.json\nwrote data/session-secret\nwrote data/.gitignore\n' +
      'Next: npx troupe dev -c troupe.json, or npx troupe start -c troupe.json\n',
    stderr: '',
  })
  const secretFile = join(cwd, 'data/session-secret')
  t.equal((await stat(secretFile)).mode & OTHERS, 0, 'the secret is for this user only')
  const secret = await readFile(secretFile, 'utf8')

  const again = await troupe(args, { cwd })
  t.match(again, { code: 2, stdout: '', stderr: /troupe\.json exists\. With --force it is overwritten\.\n$/ })
  await writeFile(join(cwd, 'app.mjs'), 'export default (req, res) => res.end(req.session.mine = "mine")\n')
  await writeFile(join(cwd, 'troupe.json'), '{}')
  t.match(await troupe([...args, '--force'], { cwd }), { code: 0, stdout: /^wrote troupe\.json\nNext/ })
  t.equal(await readFile(secretFile, 'utf8'), secret, 'the secret stays')

  await serve(t, ['-c', 'troupe.json'], { cwd })
  t.equal(await (await fetch(`http://127.0.0.1:${port}`)).text(), 'mine')
  t.match(await troupe(['status'], { cwd }), { code: 0, stdout: /^The cluster is running/ })
})

await t.test('init takes an app that is there, and says what is wrong with what it is told', async t => {
  const cwd = t.testdir({ 'server.cjs': '', 'package.json': '{ "main": "server.cjs" }' })
  t.match(await troupe(['init'], { cwd }), { code: 0, stdout: /^wrote troupe\.json\n/ })
  t.match(JSON.parse(await readFile(join(cwd, 'troupe.json'), 'utf8')), { app: 'server.cjs' })
  const twice = ['init', '--force', '--port', '9090']
  t.match(await troupe(twice, { cwd }), { code: 2, stderr: /admin\.port: .*a port other than listen\.port/ })
})

await t.test(
  'dev serves each change and keeps sessions; what is broken is shown, and the old code stays',
  async t => {
    const app = (release: string) => `
import { words } from './lib/words.js'
export default (request, response) => {
  request.session.visits = (request.session.visits ?? 0) + 1
  response.end(words + ' ${release}: visit ' + request.session.visits)
}
`
    const cwd = t.testdir({
      'app.js': 'export default\n)\n',
      lib: { 'words.js': 'export const words = "hello"\n' },
      node_modules: {},
      'package.json': '{ "type": "module" }',
    })
    const dev = new Command(['dev', 'app.js', '--port', '0'], { cwd })
    t.teardown(() => dev.process.kill('SIGKILL'))
    await dev.printed(/app\.js:2\\n[\s\S]*SyntaxError[\s\S]*Waiting for a change/)
    await writeFile(join(cwd, 'app.js'), app('one'))
    const [, url = ''] = await dev.printed(/"msg":"open (http:[^"]+)"/)
    const { headers } = await fetch(url)
    const cookie = headers.get('set-cookie')?.split(';')[0] ?? ''
    const visit = async () => (await fetch(url, { headers: { cookie } })).text()

    await writeFile(join(cwd, 'app.js'), app('two'))
    await dev.printed(/changed: app\.js[\s\S]*serves the new code/)
    t.equal(await visit(), 'hello two: visit 2')

    await writeFile(join(cwd, 'lib/words.js'), 'export const words = broken\n')
    await dev.printed(
      /changed: lib\/words\.js[\s\S]*broken is not defined[\s\S]*words\.js:1:22[\s\S]*The code from before keeps serving/,
    )
    t.equal(await visit(), 'hello two: visit 3')

    // What dependencies and the app itself write is no change; a folder that is new is.
    await writeFile(join(cwd, 'node_modules/some.js'), '')
    await writeFile(join(cwd, 'app.log'), '')
    await mkdir(join(cwd, 'more'))
    await writeFile(join(cwd, 'more/words.js'), 'export const words = "good day"\n')
    await writeFile(join(cwd, 'lib/words.js'), 'export * from "../more/words.js"\n')
    await dev.printed(/keeps serving[\s\S]*serves the new code/)
    t.equal(await visit(), 'good day two: visit 4')

    dev.process.kill('SIGINT')
    const { code, stdout } = await dev.finished
    t.equal(code, 0)
    t.notMatch(stdout, /some\.js|app\.log/)
  },
)
