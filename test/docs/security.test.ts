/** Every statement of docs/security.md names tests that show it, and they exist. */
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { rootOf } from './root.js'

const root = rootOf(import.meta.url)
const page = readFileSync(new URL('docs/security.md', root), 'utf8')
/** [what a test is called](../test/its-file.test.ts) */
const TEST_LINK = /\[([^\]]+)\]\(\.\.\/(test\/[^)]+\.test\.ts)\)/g

/** The rows of tables whose last column is "Shown by". */
const rows = page
  .split(/\n{2,}/)
  .filter(block => /^\|.*\| Shown by \|\n/.test(block))
  .flatMap(block => block.trim().split('\n').slice(2))

t.test('every row of a table of statements has a test that shows it', async t => {
  t.ok(rows.length > 30, 'the tables were found')
  const without = rows.filter(row => [...(row.split('|').at(-2) ?? '').matchAll(TEST_LINK)].length === 0)
  t.same(without, [], 'link a test, or take the statement away')
})

t.test('every test that is named is in the file that is linked', async t => {
  const missing = [...page.matchAll(TEST_LINK)].filter(([, name = '', file = '']) => {
    const path = new URL(file, root)
    return !existsSync(path) || !readFileSync(path, 'utf8').includes(name)
  })
  t.same(
    missing.map(([link]) => link),
    [],
    'give the name as the test has it, or its beginning',
  )
})

t.test('the policy leads to the page, and the page to the policy', async t => {
  t.match(readFileSync(new URL('SECURITY.md', root), 'utf8'), '(docs/security.md)')
  t.match(page, '(../SECURITY.md)')
})
