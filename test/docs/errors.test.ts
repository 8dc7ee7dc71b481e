/** docs/errors.md has every error code with its cause and its remedy, and none that is not. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { codesInLib, filesWithUncodedErrors } from './error-codes.js'
import { rootOf } from './root.js'

const page = readFileSync(new URL('docs/errors.md', rootOf(import.meta.url)), 'utf8')
const sections = page
  .split(/^### /m)
  .slice(1)
  .map(text => ({ code: /^`([A-Z0-9_]+)`$/m.exec(text.split('\n', 1)[0] ?? '')?.[1] ?? text, text }))

t.test('every code that lib can give is a heading of docs/errors.md', async t => {
  const documented = new Set(sections.map(({ code }) => code))
  const missing = [...codesInLib()].filter(([code]) => !documented.has(code))
  t.same(
    missing.map(([code, files]) => `${code} (lib/${files.join(', lib/')})`),
    [],
    'add a heading, a cause and a remedy for each',
  )
})

t.test('every heading is a code that lib can give, once', async t => {
  const known = codesInLib()
  const codes = sections.map(({ code }) => code)
  t.same(
    codes.filter(code => !known.has(code)),
    [],
    'remove these, or correct them',
  )
  t.same(
    codes.filter((code, at) => codes.indexOf(code) !== at),
    [],
    'these are there twice',
  )
})

t.test('every code has a cause and a remedy', async t => {
  const incomplete = sections.filter(
    ({ text }) => !/^Cause: \S.{10,}/m.test(text) || !/^Remedy: \S.{3,}/m.test(text),
  )
  t.same(
    incomplete.map(({ code }) => code),
    [],
  )
})

t.test('every class of errors has a code', async t => {
  t.same(filesWithUncodedErrors(), [])
})

t.test('the scan finds codes of each kind', async t => {
  const known = codesInLib()
  // A field of a class, a computed one, an answer of the admin listener, an answer between hosts.
  for (const code of ['CONFIG_INVALID', 'SESSION_CALL_FAILED', 'ADMIN_FAILED', 'STREAM_ENDED']) {
    t.ok(known.has(code), code)
  }
})
