import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'

t.test('a process that exits lets its threads come out of code that must not be broken off', async t => {
  const file = fileURLToPath(new URL('end-thread-exits.js', import.meta.url))
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', text => (said += text))
  t.strictSame(await once(child, 'close'), [7, null])
  t.equal(said, 'out')
})
