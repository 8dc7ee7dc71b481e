/** The log of a process whose standard output nobody reads for a while. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { openSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import t from 'tap'

const LINES = 24_000
const SCRIPT = `
const { createLog, flushLog } = await import(process.argv[1])
const log = createLog({ level: 'info', pretty: false, requests: false, queries: false })
const text = 'x'.repeat(1000)
for (let line = 0; line < ${LINES}; line++) log.info({ line }, text)
// Only a process that was not held up gets here before anybody reads.
process.send('logged')
await new Promise(resolve => process.once('message', resolve))
await flushLog(log)
log.info('the end')
log.info('the very end')
process.exit(0)
`

t.test(
  'does not hold up its process; what is too much is dropped and counted, and the last line is written',
  async t => {
    const log = new URL('../../lib/setup/log.js', import.meta.url).href
    const child = spawn(process.execPath, ['--input-type=module', '-e', SCRIPT, log], {
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    const [said] = await once(child, 'message')
    t.equal(said, 'logged')
    const lines: { msg: string; line?: number; lines?: number }[] = []
    if (child.stdout === null) throw new Error('no pipe was made')
    const read = createInterface({ input: child.stdout }).on('line', line => lines.push(JSON.parse(line)))
    child.send('go on')
    await once(read, 'close')
    const whole = lines.filter(({ line }) => line !== undefined)
    const dropped = lines.filter(({ msg }) => msg.startsWith('lines of this log were dropped'))
    t.equal(dropped.length, 1)
    t.equal(whole.length + (dropped[0]?.lines ?? 0), LINES, 'every line is there or counted')
    t.ok(whole.length > 10_000)
    t.equal(lines.at(-2)?.msg, 'the end')
    t.equal(lines.at(-1)?.msg, 'the very end')
  },
)

const UNWRITABLE_SCRIPT = `
const { createLog, flushLog } = await import(process.argv[1])
const log = createLog({ level: 'info', pretty: process.argv[2] === 'pretty', requests: false, queries: false })
for (let line = 0; line < 5; line++) {
  log.info({ line }, 'a line that finds no place')
  if (process.argv[2] === 'pretty') process.stdout.write('nor does this')
  await new Promise(resolve => setTimeout(resolve, 20))
}
log.info('the last one')
await flushLog(log)
process.exit(0)
`

for (const form of ['json', 'pretty']) {
  for (const place of ['a full disk', 'a pipe whose reader has gone']) {
    t.test(`${form}: ${place} does not end the process`, async t => {
      const log = new URL('../../lib/setup/log.js', import.meta.url).href
      const stdout = place === 'a full disk' ? openSync('/dev/full', 'w') : 'pipe'
      const child = spawn(process.execPath, ['--input-type=module', '-e', UNWRITABLE_SCRIPT, log, form], {
        stdio: ['ignore', stdout, 'pipe'],
      })
      t.teardown(() => child.kill('SIGKILL'))
      child.stdout?.destroy()
      const closed = once(child, 'close')
      if (child.stderr === null) throw new Error('no pipe was made')
      t.equal(await text(child.stderr), '')
      t.same(await closed, [0, null])
    })
  }
}
