/**
 * Kills threads of session servers as soon as LMDB makes its files in them, or stops those session servers, in a process
 * of its own: what is asked is whether that lives. Arguments: `kill` or `stop`, a folder, and how often.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { Stage, WORKER_FILES } from '../../lib/director/actors/stage.js'
import type { ActorName } from '../../lib/replication/ids.js'

/** Without a limit an opening that fails would be looked for until the test's time is over. */
const OPENING_MS_MAX = 10_000

/** Between the moments at which one is stopped, ms. */
const STEP_MS = 12

const [, , how, folder = '', times = '1'] = process.argv
const stage = new Stage(WORKER_FILES)

for (let count = 0; count < Number(times); count++) {
  const actor = stage.spawn({ role: 'session-server', name: 'a' })
  // Whatever it answers: its thread runs by now, and needs this one no more.
  await actor.control.stats().catch(() => null)
  const path = join(folder, String(count))
  const opened = actor.control
    .start({ name: 'a' as ActorName, backend: { kind: 'lmdb', path } })
    .catch(() => null)
  if (how === 'stop') {
    // While it loads LMDB, so that it is about to open.
    await setTimeout(count * STEP_MS)
    await actor.control.stop()
  } else {
    watchFor(join(path, 'lock.mdb'))
    actor.kill('the test asks for it')
  }
  await actor.gone
  await opened
}
console.log('alive')

/** Blocks this thread, since the moment would be over before an event told of it. */
function watchFor(file: string): void {
  const end = performance.now() + OPENING_MS_MAX
  while (!existsSync(file)) if (performance.now() > end) throw new Error(`${file} never came.`)
}
