import { MessageChannel } from 'node:worker_threads'
import t, { type Test } from 'tap'
import { Stage, WORKER_FILES } from '../../lib/director/actors/stage.js'
import type { SessionCopy } from '../../lib/replication/copy.js'
import {
  type ActorName,
  ALL_PARTITIONS,
  type Epoch,
  type SessionId,
  type Version,
} from '../../lib/replication/ids.js'
import { Replicas } from '../../lib/web-server/replicas.js'
import { SessionCache } from '../../lib/web-server/sessions/session-cache.js'
import { until } from '../support/until.js'

const A = 'a' as ActorName

/** A web server's replication with one session server in memory, which has offered its log. */
async function replicas(t: Test): Promise<Replicas> {
  const stage = new Stage(WORKER_FILES)
  t.teardown(() => stage.destroy())
  const actor = stage.spawn({ role: 'session-server', name: A })
  await actor.control.start({ name: A, backend: { kind: 'memory' } })
  const replicas = new Replicas(
    { acks: 'one', ackTimeoutMs: 5_000, outboxMaxBytes: 1e6 },
    new SessionCache({ maxBytes: 1e6, heldMaxBytes: 1e6 }),
    { settled: () => undefined, fenced: () => undefined },
  )
  t.teardown(() => replicas.close())
  const { port1, port2 } = new MessageChannel()
  await actor.control.connect('web-1' as ActorName, port1)
  replicas.connect(A, port2)
  replicas.assign(
    ALL_PARTITIONS.map(partition => ({
      ...{ partition, epoch: 1 as Epoch, revision: 0, settled: true },
      replicas: [{ name: A, synced: true }],
    })),
  )
  await until(async () => {
    await saved(replicas, 'first', 1)
    return isHeldAtOnce(replicas)
  })
  return replicas
}

function copy(id: string, version: number): SessionCopy {
  return { id: id as SessionId, epoch: 1 as Epoch, version: version as Version, expires: 1e15, data: '{}' }
}

function saved(replicas: Replicas, id: string, version: number): Promise<void> {
  return new Promise((resolve, reject) => {
    replicas.mutate(copy(id, version), Date.now(), error => (error === null ? resolve() : reject(error)))
  })
}

/** Whether a change is acknowledged without a turn of the event loop. */
async function isHeldAtOnce(replicas: Replicas): Promise<boolean> {
  let hasTurned = false
  setImmediate(() => {
    hasTurned = true
  })
  await saved(replicas, 'asks', 1)
  return !hasTurned
}

t.test('who saves again and again does not keep the event loop from its turns', async t => {
  const web = await replicas(t)
  let turns = 0
  const count = (): void => {
    turns++
    next = setImmediate(count)
  }
  let next = setImmediate(count)
  for (let version = 1; version <= 2_000; version++) await saved(web, 's', version)
  clearImmediate(next)
  t.ok(turns >= 20, `${turns} turns`)
})

t.test('a callback that throws is an uncaught error, and all others are called', async t => {
  const web = await replicas(t)
  const uncaught: unknown[] = []
  const listeners = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', error => uncaught.push(error))
  t.teardown(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of listeners) process.on('uncaughtException', listener)
  })
  let done = 0
  for (let index = 0; index < 2_000; index++) {
    web.mutate(copy(`s${index}`, 1), Date.now(), () => {
      if (index === 600) throw new Error('on purpose')
      done++
    })
  }
  // The rest of the batch in which it threw is not called, as with a batch that comes as a message.
  await until(() => uncaught.length === 1 && web.outboxDepth === 0)
  t.match(uncaught, [{ message: 'on purpose' }])
  t.ok(done > 1_000, `${done} of 1,999`)
  await saved(web, 'after', 1)
})
