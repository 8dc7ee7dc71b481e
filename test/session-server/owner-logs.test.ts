import t from 'tap'
import type { Mutation } from '../../lib/replication/copy.js'
import type { ActorName, Epoch } from '../../lib/replication/ids.js'
import type { ToReplica } from '../../lib/replication/messages.js'
import { OwnerLogs } from '../../lib/session-server/owner-logs.js'
import { createEndGate } from '../../lib/transport/end-gate.js'
import { ReplicaLink } from '../../lib/web-server/replica-link.js'
import { claimOf, copyOf, mutationOf, OF_X, WEB_1, WEB_2, X, Y } from '../replication/samples.js'

/** A replica's logs, and what was applied of them. */
function replica(fences: readonly Epoch[] = []) {
  const applied: Mutation[] = []
  const logs = new OwnerLogs(fences, mutations => applied.push(...mutations))
  const connect = (owner: ActorName, bytes?: number) => {
    const posted: ToReplica[] = []
    let wakes = 0
    const link = new ReplicaLink({
      post: message => posted.push(message),
      wake: () => wakes++,
    })
    const endGate = createEndGate()
    link.onOffer({ type: 'log', log: logs.open(owner, bytes), board: logs.boardMemory, endGate })
    let batch = 0
    /** @returns whether it counts as held */
    const write = (mutation: Mutation): boolean => {
      link.send({ type: 'apply', batch: ++batch, mutations: [mutation] })
      return link.takeAnswers().length === 1
    }
    return { link, posted, write, endGate, wakes: () => wakes }
  }
  return { logs, applied, connect }
}

for (const connectedFirst of [WEB_1, WEB_2]) {
  t.test(
    `a held change comes before what the next owner writes, if ${connectedFirst} was there first`,
    async t => {
      const { logs, applied, connect } = replica()
      const [first, second] = [connect(connectedFirst), connect(connectedFirst === WEB_1 ? WEB_2 : WEB_1)]
      const [old, next] = connectedFirst === WEB_1 ? [first, second] : [second, first]
      const ofOld = mutationOf(copyOf(X, 1, 1))
      const ofNext = mutationOf(copyOf(X, 2, 2))
      t.ok(old.write(ofOld))
      t.ok(next.write(ofNext), 'its claim is still on its way')
      logs.before({ type: 'claim', claims: [claimOf(OF_X, 2)] })
      t.strictSame(applied, [ofOld, ofNext])
      t.notOk(old.write(mutationOf(copyOf(X, 1, 3))))
      t.match(old.posted, [{ type: 'apply', batch: 2 }], 'the answer will tell')
    },
  )
}

t.test('while an answer is due, or a partition is about to be forgotten, changes go as messages', async t => {
  const { connect } = replica()
  const { link, posted, write } = connect(WEB_1)
  link.send({ type: 'read', call: 1, ids: [Y] })
  t.notOk(write(mutationOf(copyOf(X, 1, 1))))
  link.onAnswer({ type: 'found', call: 1, copies: [null] })
  t.notOk(write(mutationOf(copyOf(X, 1, 2))), 'the batch before has no answer yet')
  link.onAnswer({ type: 'applied', batch: 1, fenced: [] })
  link.onAnswer({ type: 'applied', batch: 2, fenced: [] })
  t.ok(write(mutationOf(copyOf(X, 1, 3))))
  link.send({ type: 'list', call: 2, partition: OF_X })
  link.onAnswer({ type: 'digest', call: 2, entries: [], more: true })
  t.notOk(write(mutationOf(copyOf(X, 1, 4))))
  link.onAnswer({ type: 'digest', call: 2, entries: [], more: false })
  link.onAnswer({ type: 'applied', batch: 4, fenced: [] })
  t.ok(write(mutationOf(copyOf(X, 1, 5))))
  link.send({ type: 'forget', claim: claimOf(OF_X, 1) })
  t.notOk(write(mutationOf(copyOf(X, 1, 6))))
  link.onAnswer({ type: 'applied', batch: 6, fenced: [] })
  t.ok(write(mutationOf(copyOf(X, 1, 7))))
  t.strictSame(
    posted.map(message => ('batch' in message ? message.batch : message.type)),
    ['read', 1, 2, 'list', 4, 'forget', 6],
  )
})

t.test('a sleeping replica is woken once, and sleeps only when all logs are empty', async t => {
  const { logs, applied, connect } = replica()
  const { write, wakes } = connect(WEB_1)
  t.ok(write(mutationOf(copyOf(X, 1, 1))))
  t.ok(write(mutationOf(copyOf(X, 1, 2))))
  t.equal(wakes(), 1)
  t.notOk(logs.sleep(), 'there was something')
  t.equal(applied.length, 2)
  t.ok(logs.sleep())
  t.ok(write(mutationOf(copyOf(X, 1, 3))))
  t.equal(wakes(), 2)
})

t.test(
  'nothing is held by a replica whose thread is being ended, or whose fence was higher before',
  async t => {
    const { connect } = replica(Array.from({ length: 1024 }, () => 5 as Epoch))
    const { write, endGate } = connect(WEB_1)
    t.notOk(write(mutationOf(copyOf(X, 4, 1))))
    const other = connect(WEB_2)
    t.ok(other.write(mutationOf(copyOf(X, 5, 1))))
    Atomics.store(new Int32Array(other.endGate), 0, 2)
    t.notOk(other.write(mutationOf(copyOf(X, 5, 2))))
    t.not(endGate, other.endGate)
  },
)
