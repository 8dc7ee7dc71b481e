/** The bench of replication, run for a moment: so that it still runs when somebody wants figures. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Report } from '../../bench/replication-report.js'
import { STORE_NAMES } from '../../bench/replication-stores.js'

const BENCH = fileURLToPath(new URL('../../bench/replication.js', import.meta.url))
const MOMENT = ['--rounds', '2', '--seconds', '0.1']

/** Starts it with a folder for temporary files of its own. */
function start(t: Test, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const folder = t.testdir()
  const child = spawn(process.execPath, ['--enable-source-maps', BENCH, ...args], {
    env: { PATH: process.env.PATH, TMPDIR: folder, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const finished = Promise.all([once(child, 'close'), text(child.stderr)]).then(([[code], stderr]) => ({
    code,
    stderr,
  }))
  return { child, folder, finished }
}

t.test('measures every session server in turns, in all that was asked for, and leaves nothing', async t => {
  const file = join(t.testdirName, 'report.json')
  const { child, folder, finished } = start(t, [...MOMENT, '--in-flight', '1,64', '--json', file])
  const [{ code, stderr }, printed] = await Promise.all([finished, text(child.stdout)])
  t.equal(stderr, '')
  t.equal(code, 0)
  t.strictSame(await readdir(folder), ['report.json'], 'nothing temporary is left')
  const report: Report = JSON.parse(await readFile(file, 'utf8'))
  const names = STORE_NAMES.filter(name => !report.skipped.includes(name))
  t.strictSame(
    report.samples.map(({ round, inFlight, store }) => `${round} ${inFlight} ${store}`),
    [names, [...names.slice(1), ...names.slice(0, 1)]].flatMap((turns, round) =>
      [1, 64].flatMap(inFlight => turns.map(name => `${round + 1} ${inFlight} ${name}`)),
    ),
  )
  for (const { store, mutationsPerSecond, bytesPerSecond, ackP50Ms, ackP99Ms } of report.samples) {
    t.ok(mutationsPerSecond > 0 && ackP50Ms > 0 && ackP99Ms >= ackP50Ms, `${store} acknowledges`)
    t.equal(bytesPerSecond, mutationsPerSecond * report.sessions.bytes)
  }
  for (const { store, inFlight, mutationsPerSecond } of report.summary) {
    const median = Math.round(mutationsPerSecond.median).toLocaleString('en')
    t.match(printed, new RegExp(`^${store} +${inFlight} +${median} \\(`, 'm'))
  }
  t.match(printed, /^load average before: .+\n.+\n.+\n.+\nload average after: /m)
})

t.test('without redis-server it says so and measures the others', async t => {
  const { child, finished } = start(t, [...MOMENT, '--only', 'redis,memory', '--in-flight', '1'], {
    PATH: '',
  })
  const [{ code }, printed] = await Promise.all([finished, text(child.stdout)])
  t.equal(code, 0)
  t.match(printed, /^memory +1 +[\d,]+ \(/m)
  t.match(printed, /^redis: skipped, since redis-server is not installed here$/m)
})

t.test('a signal ends it between two measurements, with all that it had started', async t => {
  const { child, folder, finished } = start(t, [
    ...['--rounds', '100', '--seconds', '0.1', '--in-flight', '8'],
    ...['--only', 'lmdb,remote'],
  ])
  child.stdout.setEncoding('utf8').on('data', (printed: string) => {
    if (printed.includes('round 1 ')) child.kill('SIGTERM')
  })
  t.match(await finished, { code: 1, stderr: /^ended by SIGTERM\n$/ })
  t.strictSame(await readdir(folder), [])
})

t.test('what it does not know is refused', async t => {
  for (const [args, message] of [
    [['--only', 'disk'], /some of memory, lmdb, remote, redis/],
    [['--seconds', '0'], /above 0/],
    [['--rounds', 'many'], /whole number from 1 to 100/],
    [['--in-flight', '1,5000'], /whole number from 1 to 4096/],
  ] as const) {
    const { child, finished } = start(t, args)
    child.stdout.resume()
    t.match(await finished, { code: 1, stderr: message })
  }
})
