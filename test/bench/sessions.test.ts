/** The benches of many sessions, run with few of them: so that they still run when somebody wants figures. */
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import { SESSION_BYTES, sessionOf } from '../../bench/sessions/app-data.js'

/** @returns what a bench prints and what it writes */
async function run(name: string, args: readonly string[]) {
  const file = join(t.testdirName, `${name}.json`)
  const bench = fileURLToPath(new URL(`../../bench/${name}.js`, import.meta.url))
  const options = ['--sessions', '500', '--json', file, ...args]
  const { stdout } = await promisify(execFile)(process.execPath, ['--enable-source-maps', bench, ...options])
  return { stdout, result: JSON.parse(await readFile(file, 'utf8')) }
}

t.before(() => t.testdir())

t.test('a session has the size that the figures are for', async t => {
  for (const number of [1_000_000, 8_999_999])
    t.equal(JSON.stringify(sessionOf(number)).length, SESSION_BYTES)
})

t.test('memory: every session is in a cache and has two copies when it is measured', async t => {
  const { stdout, result } = await run('memory', ['--idle', '0'])
  t.match(result, { sessions: 500, counts: { cached: 500, copied: 1_000 } })
  t.match(stdout, /^all begun, collected +\d+ +-?\d+/m)
})

t.test('takeover: sessions of the web server that died are served again', async t => {
  const { stdout, result } = await run('takeover', ['--rate', '100', '--seconds', '1'])
  const [takeover] = result.takeovers
  t.ok(takeover.first.length > 0 && takeover.others.length > 0)
  t.match(stdout, /^500 +[\d.]+ +[\d.]+ /m)
})

t.test('resync: copies of a session server that is lost are made anew', async t => {
  const { stdout, result } = await run('resync', ['--rate', '100', '--seconds', '1'])
  t.ok(result.resyncs[0].resyncMs > 0)
  t.match(stdout, /^500 +[\d.]+ +\d+ /m)
})
