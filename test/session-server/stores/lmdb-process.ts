/**
 * A session server over LMDB in a process of its own, to be killed. Opens the folder argv[2], says "open", and then
 * sends itself batches from number argv[3] on, as many at a time as an owner may; says the number of each that was
 * acknowledged, or the code of the error that ended it. With argv[4] it compacts its journal twice, each time after so
 * many batches, and kills itself in the middle of the second.
 */
import { writeSync } from 'node:fs'
import type { FromReplica } from '../../../lib/replication/messages.js'
import { DurableSessionServer } from '../../../lib/session-server/durable-session-server.js'
import { openLmdbStore } from '../../../lib/session-server/stores/lmdb.js'
import { batchOf } from './lmdb-batches.js'

const ON_THEIR_WAY_MAX = 8

const [, , path = '', first, compactedAfter] = process.argv
const say = (text: string): unknown => writeSync(1, `${text}\n`)

const store = await openLmdbStore(path, 'a')
const server = new DurableSessionServer(store)
say('open')
void server.failed.then(error => {
  say('code' in error ? String(error.code) : error.message)
  process.exit(0)
})
if (first === undefined) setInterval(() => undefined, 1000)
else {
  let batch = Number(first)
  let isLast = false
  if (compactedAfter !== undefined) {
    let due = batch + Number(compactedAfter)
    let tookMs: number | null = null
    store.isCompactionDue = () => batch >= due
    const compact = store.compact.bind(store)
    store.compact = async () => {
      if (tookMs !== null) {
        // Batches after this would change the same sessions again, and hide what is lost.
        isLast = true
        setTimeout(() => process.kill(process.pid, 'SIGKILL'), Math.random() * tookMs)
      }
      const from = performance.now()
      await compact()
      tookMs = performance.now() - from
      due = batch + Number(compactedAfter)
    }
  }
  const onAnswer = (answer: FromReplica): void => {
    if (answer.type !== 'applied') return
    say(String(answer.batch))
    if (!isLast) send()
  }
  const send = (): void => server.receive(batchOf(batch++), onAnswer)
  for (let count = 0; count < ON_THEIR_WAY_MAX; count++) send()
}
