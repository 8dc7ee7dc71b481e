import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Stage } from '../../../lib/director/actors/stage.js'

t.test('a process that exits lets its threads come out of code that must not be broken off', async t => {
  const file = fileURLToPath(new URL('end-thread-exits.js', import.meta.url))
  const child = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.on('data', text => (said += text))
  t.strictSame(await once(child, 'close'), [7, null])
  t.equal(said, 'out')
})

t.test(
  'a thread that dies in code that must not be broken off is gone, and nothing waits for it',
  async t => {
    const stage = new Stage<{ gated: object }>({ gated: new URL('gated-worker.js', import.meta.url) })
    const actor = stage.spawn({ role: 'gated', name: 'g' })
    t.match(await actor.ended, { how: 'crashed', error: { message: 'behind the gate' } })
    await actor.gone
    actor.kill('late')
    await stage.destroy()
    // Whatever still looked at its gate would do so from a timer, again and again.
    await new Promise(resolve => setTimeout(resolve, 150))
    t.notOk(process.getActiveResourcesInfo().includes('Timeout'))
  },
)
