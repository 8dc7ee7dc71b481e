import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { loadConfig } from '../../lib/config/load.js'

t.test('paths in a file are relative to it, those of the command line to the working directory', async t => {
  const folder = t.testdir({ 'troupe.json': '{ "app": "../apps/shop.js" }' })
  const { config } = await loadConfig({ file: 'troupe.json', cwd: folder })
  t.equal(config.app.file, join(folder, '../apps/shop.js'))
  const other = await loadConfig({ file: 'troupe.json', cwd: folder, overrides: { app: './mine.js' } })
  t.equal(other.config.app.file, join(folder, 'mine.js'))
})

t.test('without a file the app of the command line runs with the defaults', async t => {
  const { config } = await loadConfig({ cwd: '/srv', overrides: { app: 'app.js', port: 3000 } })
  t.equal(config.app.file, '/srv/app.js')
  t.match(config.listen.listeners, [{ at: { kind: 'tcp', port: 3000 } }])
  await t.rejects(loadConfig({ cwd: '/srv' }), {
    code: 'CONFIG_INVALID',
    message: /^the command line is not a valid configuration:\n {2}app: found nothing/,
  })
})

t.test('a syntax error is told with its line and column, whatever V8 says of it', async t => {
  const file = join(t.testdir(), 'troupe.json')
  const faults: [text: string, place: string][] = [
    ['{\n  "app": "a.js",\n}', '3:1'],
    ['{\n  "app": tru\n}', '2:10'],
    ['{ "app": "a.js"', '1:16'],
    ['', '1:1'],
    ['{\n  // ours\n  "app": "a.js"\n}', '2:3'],
    ['{ "app": "a.js" } x', '1:19'],
  ]
  for (const [text, place] of faults) {
    await writeFile(file, text)
    await t.rejects(
      loadConfig({ file }),
      { code: 'CONFIG_SYNTAX', message: new RegExp(`troupe\\.json:${place} is not valid JSON: [^\\n]+$`) },
      text,
    )
  }
})

t.test('a byte order mark is no syntax error', async t => {
  const folder = t.testdir({ 'troupe.json': '\uFEFF{ "app": "a.js" }' })
  t.ok(await loadConfig({ file: join(folder, 'troupe.json') }))
})

t.test('a file that is missing or a folder is told as such', async t => {
  const folder = t.testdir({})
  await t.rejects(loadConfig({ file: join(folder, 'none.json') }), {
    code: 'CONFIG_UNREADABLE',
    message: /none\.json can't be read: there is no such file/,
  })
  await t.rejects(loadConfig({ file: folder }), { code: 'CONFIG_UNREADABLE', message: /it is a folder/ })
})
