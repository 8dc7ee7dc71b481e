/** The log of a process whose standard output nobody reads for a while. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
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
