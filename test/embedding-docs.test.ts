/** The snippets of docs/embedding.md are whole files, named in their first line: they run. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t from 'tap'
import { visit } from './support/visitor.js'

const page = readFileSync('docs/embedding.md', 'utf8')
const entries: Record<string, string> = {
  troupe: new URL('../lib/index.js', import.meta.url).href,
  'troupe/test': new URL('../lib/embedding/test-cluster.js', import.meta.url).href,
}

/** Files by name, with this build in place of the package. */
const files: Record<string, string> = { 'package.json': '{ "type": "module" }' }
for (const [, name = '', source = ''] of page.matchAll(/```js\n\/\/ (\S+)\n(.*?)```/gs)) {
  files[name] = source.replace(/from '(troupe[^']*)'/g, (_, entry: string) => `from '${entries[entry]}'`)
}

t.test('the program serves the app that only listens, until it is told to stop', async t => {
  const program = spawn(process.execPath, ['main.js'], {
    cwd: t.testdir(files),
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => program.kill('SIGKILL'))
  const ended = once(program, 'exit')
  for await (const line of createInterface(program.stdout)) {
    if (!line.startsWith('open ')) continue
    const { origin, pathname } = new URL(line.slice('open '.length))
    const visitor = visit(t, origin)
    t.equal((await visitor.post(pathname)).status, 302)
    t.equal((await visitor.get(pathname)).text, '1 things')
    program.kill('SIGTERM')
  }
  t.same(await ended, [0, null])
})

t.test('the test of an app passes', async t => {
  const { stdout } = await promisify(execFile)(process.execPath, ['--test', 'cart.test.js'], {
    cwd: t.testdir(files),
    timeout: 60_000,
  })
  t.match(stdout, /pass 1/)
})
