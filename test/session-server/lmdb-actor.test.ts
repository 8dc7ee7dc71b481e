import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { MessageChannel } from 'node:worker_threads'
import t, { type Test } from 'tap'
import type { ActorHandle } from '../../lib/director/actors/actor-handle.js'
import { Stage, WORKER_FILES } from '../../lib/director/actors/stage.js'
import type { ActorName } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import { openLmdbStore } from '../../lib/session-server/stores/lmdb.js'
import type { SessionServerControl } from '../../lib/transport/actor-control.js'
import { BatchedPort } from '../../lib/transport/batched-port.js'
import { type LogOffered, OWNER_FORMS } from '../../lib/transport/replica-wire.js'
import { SmallDisk } from '../support/mounts.js'
import { until } from '../support/until.js'
import { batchOf, firstLost } from './stores/lmdb-batches.js'

// Threads start slowly on a machine that has much else to do.
t.setTimeout(120_000)

const KILLS = 20
const ON_THEIR_WAY_MAX = 8

/** An owner that sends one batch after the other. */
class BusyOwner {
  acknowledged: number
  readonly #port: BatchedPort<FromReplica | LogOffered, ToReplica>
  #next: number

  private constructor(port: BatchedPort<FromReplica | LogOffered, ToReplica>, first: number) {
    this.#port = port
    this.#next = first
    this.acknowledged = first - 1
    port.onmessage = answer => {
      if (answer.type !== 'applied') return
      this.acknowledged = answer.batch
      this.#send()
    }
    for (let count = 0; count < ON_THEIR_WAY_MAX; count++) this.#send()
  }

  static async connect(actor: ActorHandle<SessionServerControl>, first: number): Promise<BusyOwner> {
    const { port1, port2 } = new MessageChannel()
    const owner = new BusyOwner(new BatchedPort(port1, OWNER_FORMS), first)
    await actor.control.connect('web-1' as ActorName, port2)
    return owner
  }

  close(): void {
    this.#port.close()
  }

  #send(): void {
    this.#port.post(batchOf(this.#next++))
  }
}

function stage(t: Test): Stage {
  const stage = new Stage(WORKER_FILES)
  t.teardown(() => stage.destroy())
  return stage
}

async function start(stage: Stage, path: string): Promise<ActorHandle<SessionServerControl>> {
  const actor = stage.spawn({ role: 'session-server', name: 'a' })
  await actor.control.start({ name: 'a' as ActorName, backend: { kind: 'lmdb', path } })
  return actor
}

t.test(
  'a thread that is killed in the middle of commits ends, and the next goes on where it was',
  async t => {
    const path = t.testdir()
    const actors = stage(t)
    let last = 0
    for (let kill = 0; kill < KILLS; kill++) {
      const actor = await start(actors, path)
      const owner = await BusyOwner.connect(actor, last + 1)
      await until(() => owner.acknowledged > last)
      await wait(Math.random() * 20)
      actor.kill('the test asks for it')
      await actor.gone
      owner.close()
      last = owner.acknowledged
    }
    const store = await openLmdbStore(path, 'a')
    t.teardown(() => store.close())
    t.equal(firstLost(store, last), null)
    t.comment(`${KILLS} kills, ${last} batches acknowledged`)
  },
)

for (const [how, title] of [
  ['kill', 'a thread that is killed while it opens its store ends nothing but itself'],
  ['stop', 'a session server that is stopped while it opens its store ends nothing but itself'],
] as const) {
  t.test(title, async t => {
    const file = fileURLToPath(new URL('killed-threads.js', import.meta.url))
    const child = spawn(process.execPath, [file, how, t.testdir(), '8'])
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', text => (said += text))
    const [code, signal] = await once(child, 'close')
    t.strictSame({ code, signal, said }, { code: 0, signal: null, said: 'alive\n' })
  })
}

t.test('a session server that is stopped answers what it was sent before, and leaves it on disk', async t => {
  const path = t.testdir()
  const actor = await start(stage(t), path)
  const owner = await BusyOwner.connect(actor, 1)
  await until(() => owner.acknowledged > 0)
  await actor.control.stop()
  t.strictSame(await actor.ended, { how: 'stopped' })
  const store = await openLmdbStore(path, 'a')
  t.teardown(() => store.close())
  t.equal(firstLost(store, owner.acknowledged), null)
})

t.test('a disk that fills up ends the session server with an error that says so', async t => {
  const disk = SmallDisk.mount(t, '1536k')
  if (disk === null) {
    t.plan(0, 'this user may not mount')
    return
  }
  const actor = await start(stage(t), disk.path)
  await BusyOwner.connect(actor, 1)
  t.match(await actor.ended, { how: 'crashed', error: { code: 'STORE_FULL' } })
  await actor.gone
  await t.rejects(start(stage(t), disk.path), { code: 'STORE_FULL' })
})
