/** What every session server must do, whatever is behind it: run unchanged over memory, disk, another host and Redis. */
import type { Test } from 'tap'
import type { Mutation } from '../../lib/replication/copy.js'
import {
  type Epoch,
  PARTITION_COUNT,
  type Partition,
  partitionOf,
  type SessionId,
  type Version,
} from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import type { SessionServer } from '../../lib/session-server/session-server.js'
import { until } from '../support/until.js'
import { copyOf } from './copy-store-tests.js'

/** Expiry of sessions that do not end during a test, ms since the Unix epoch. */
const FAR = 1e15

/** @returns a mutation of the session `id`, by an owner in `authority`; a destroy when `data` is null */
export function mutationOf(
  id: string,
  data: string | null = '{}',
  stamp: { epoch?: number; version?: number; authority?: number; expires?: number } = {},
): Mutation {
  const { epoch = 1, version = 1, authority = epoch, expires = FAR } = stamp
  return {
    ...copyOf(id, data, version),
    epoch: epoch as Epoch,
    expires,
    partition: partitionOf(id),
    authority: authority as Epoch,
  }
}

/** @returns a claim message for the partitions of these sessions */
export function claimOf(epoch: number, ...ids: string[]): ToReplica {
  return { type: 'claim', claims: ids.map(id => ({ partition: partitionOf(id), epoch: epoch as Epoch })) }
}

/** @returns a batch */
export function applyOf(batch: number, ...mutations: Mutation[]): ToReplica {
  return { type: 'apply', batch, mutations }
}

/** @returns a read of these sessions */
export function readOf(call: number, ...ids: string[]): ToReplica {
  return { type: 'read', call, ids: ids as SessionId[] }
}

/** One owner of a session server: what it sends, and the answers it got. */
export class TestOwner {
  readonly answers: FromReplica[] = []
  readonly #server: SessionServer

  constructor(server: SessionServer) {
    this.#server = server
  }

  send(...messages: ToReplica[]): void {
    for (const message of messages) this.#server.receive(message, answer => this.answers.push(answer))
  }

  /** Waits for so many answers in all. */
  async answered(count: number): Promise<readonly FromReplica[]> {
    await until(() => this.answers.length >= count)
    return this.answers
  }

  /** Reads sessions. @returns the data of each: null when it was destroyed, undefined when there is none */
  async read(...ids: string[]): Promise<(string | null | undefined)[]> {
    const found = await this.ask(readOf(77, ...ids))
    return found.type === 'found' ? found.copies.map(copy => (copy === null ? undefined : copy.data)) : []
  }

  /** @returns the answer to a message that has one */
  ask(message: ToReplica): Promise<FromReplica> {
    return new Promise(resolve => this.#server.receive(message, resolve))
  }
}

/** @param make makes an empty session server, and lets go of it at the end of the test */
export function sessionServerTests(t: Test, make: (t: Test) => Promise<SessionServer>): void {
  t.test('what one owner has applied, another reads', async t => {
    const server = await make(t)
    const first = new TestOwner(server)
    const data = JSON.stringify({ text: 'ünïcödé 🍊 "quoted"\n\u2028' })
    first.send(applyOf(1, mutationOf('s1', data)))
    t.strictSame(await first.answered(1), [{ type: 'applied', batch: 1, fenced: [] }])
    const found = await new TestOwner(server).ask(readOf(7, 's1', 's2'))
    t.strictSame(found, { type: 'found', call: 7, copies: [copyOf('s1', data), null] })
  })

  t.test('messages of one owner are answered in the order in which they were sent', async t => {
    const owner = new TestOwner(await make(t))
    const messages = Array.from({ length: 300 }, (_, index) =>
      index % 3 === 2
        ? readOf(index, `s${index - 1}`)
        : applyOf(index, mutationOf(`s${index}`, `{"n":${index}}`)),
    )
    for (const message of messages) {
      owner.send(message)
      if (Math.random() < 0.2) await new Promise(resolve => setImmediate(resolve))
    }
    const answers = await owner.answered(messages.length)
    t.strictSame(
      answers.map(answer => (answer.type === 'applied' ? answer.batch : answer.call)),
      messages.map((_, index) => index),
    )
    for (const answer of answers) {
      if (answer.type !== 'found') continue
      t.equal(answer.copies[0]?.data, `{"n":${answer.call - 1}}`, 'a read sees what was sent before it')
    }
  })

  t.test('owners that use the same numbers get their own answers', async t => {
    const server = await make(t)
    const owners = Array.from({ length: 4 }, () => new TestOwner(server))
    for (let batch = 0; batch < 50; batch++) {
      for (const [index, owner] of owners.entries()) {
        owner.send(
          applyOf(batch, mutationOf(`o${index}`, `{"o":${index}}`, { version: batch + 1 })),
          readOf(batch, `o${index}`),
        )
      }
    }
    for (const [index, owner] of owners.entries()) {
      const last = (await owner.answered(100)).at(-1)
      t.match(last, { type: 'found', call: 49, copies: [{ data: `{"o":${index}}`, version: 50 }] })
    }
  })

  t.test('an older version never replaces a newer one, whatever order they come in', async t => {
    const owner = new TestOwner(await make(t))
    owner.send(
      applyOf(1, mutationOf('s1', '"new"', { version: 5 }), mutationOf('s1', '"old"', { version: 4 })),
    )
    owner.send(applyOf(2, mutationOf('s1', '"older"', { version: 1 })))
    await owner.answered(2)
    t.strictSame(await owner.read('s1'), ['"new"'])
    owner.send(applyOf(3, mutationOf('s1', '"next epoch"', { epoch: 2, version: 1 })))
    t.strictSame(await owner.read('s1'), ['"next epoch"'])
  })

  t.test('a destroyed session stays destroyed, and its tombstone is told', async t => {
    const owner = new TestOwner(await make(t))
    owner.send(applyOf(1, mutationOf('s1', '{}', { version: 1 }), mutationOf('s1', null, { version: 2 })))
    owner.send(applyOf(2, mutationOf('s1', '"back"', { version: 1 })))
    t.strictSame(await owner.read('s1', 's2'), [null, undefined])
  })

  t.test(
    'an owner of an older epoch is refused and told the fence; the others of its batch are applied',
    async t => {
      const server = await make(t)
      const owner = new TestOwner(server)
      owner.send(claimOf(3, 's1'))
      const old = new TestOwner(server)
      old.send(applyOf(1, mutationOf('s1', '"late"', { epoch: 2 }), mutationOf('s2', '"fine"', { epoch: 2 })))
      const fenced = [{ partition: partitionOf('s1'), epoch: 3 }]
      t.strictSame(await old.answered(1), [{ type: 'applied', batch: 1, fenced }])
      t.strictSame(await owner.read('s1', 's2'), [undefined, '"fine"'])
    },
  )

  t.test('the copies of an earlier owner are passed on under a later authority', async t => {
    const server = await make(t)
    const owner = new TestOwner(server)
    owner.send(claimOf(3, 's1'), applyOf(1, mutationOf('s1', '"kept"', { epoch: 1, authority: 3 })))
    await owner.answered(1)
    const found = await owner.ask(readOf(1, 's1'))
    t.match(found, { copies: [{ data: '"kept"', epoch: 1, version: 1 }] })
  })

  t.test('a partition is listed with the stamp of every copy, tombstones included', async t => {
    const owner = new TestOwner(await make(t))
    const ids = idsIn(3 as Partition, 2500)
    owner.send(
      ...batchesOf(ids.map((id, index) => mutationOf(id, index === 0 ? null : '{}', { version: index + 1 }))),
    )
    owner.send({ type: 'list', call: 9, partition: 3 as Partition })
    const isEnd = () => owner.answers.some(answer => answer.type === 'digest' && !answer.more)
    await until(isEnd)
    const digests = owner.answers.filter(answer => answer.type === 'digest')
    t.ok(digests.every(digest => digest.call === 9))
    t.strictSame(digests.map(digest => digest.more).indexOf(false), digests.length - 1, 'the last says so')
    const listed = digests.flatMap(digest => digest.entries).sort((a, b) => a.version - b.version)
    t.strictSame(
      listed,
      ids.map((id, index) => ({ id: id as SessionId, epoch: 1 as Epoch, version: (index + 1) as Version })),
    )
    t.match(await owner.ask({ type: 'list', call: 10, partition: 4 as Partition }), {
      entries: [],
      more: false,
    })
  })

  t.test('a forgotten partition is empty and stays fenced', async t => {
    const owner = new TestOwner(await make(t))
    const partition = partitionOf('s1')
    owner.send(applyOf(1, mutationOf('s1', '{}', { epoch: 2 })))
    owner.send({ type: 'forget', claim: { partition, epoch: 1 as Epoch } })
    t.strictSame(await owner.read('s1'), ['{}'], 'a forget of an epoch that is over does nothing')
    owner.send({ type: 'forget', claim: { partition, epoch: 2 as Epoch } })
    t.strictSame(await owner.read('s1'), [undefined])
    t.match(await owner.ask(applyOf(2, mutationOf('s1', '{}', { epoch: 1 }))), {
      fenced: [{ partition, epoch: 2 }],
    })
  })

  t.test('an expired session is not found', async t => {
    const owner = new TestOwner(await make(t))
    owner.send(applyOf(1, mutationOf('s1', '{}', { expires: Date.now() - 1 }), mutationOf('s2')))
    t.strictSame(await owner.read('s1', 's2'), [undefined, '{}'])
  })

  t.test('fences are told for every partition, and counters for what is held', async t => {
    const server = await make(t)
    const owner = new TestOwner(server)
    owner.send(
      claimOf(4, 's1'),
      applyOf(1, mutationOf('s2', 'x'.repeat(10), { epoch: 7 })),
      applyOf(2, mutationOf('s3', null)),
    )
    await owner.answered(2)
    const fences = await server.fences()
    t.equal(fences.length, PARTITION_COUNT)
    t.equal(fences[partitionOf('s1')], 4)
    t.equal(fences[partitionOf('s2')], 7)
    t.match(await server.stats(), { sessions: 1, tombstones: 1, bytes: 10 })
  })

  t.test('a batch of many large sessions is acknowledged once, when all of it is held', async t => {
    const owner = new TestOwner(await make(t))
    const data = JSON.stringify('"'.repeat(20_000))
    const ids = Array.from({ length: 100 }, (_, index) => `large${index}`)
    owner.send(claimOf(2, 'large7'))
    owner.send(applyOf(5, ...ids.map(id => mutationOf(id, data))))
    const fenced = [{ partition: partitionOf('large7'), epoch: 2 }]
    t.strictSame(await owner.answered(1), [{ type: 'applied', batch: 5, fenced }])
    const held = await owner.read(...ids)
    t.equal(held.filter(copy => copy === data).length, 99)
  })
}

/** @returns so many session ids of one partition */
function idsIn(partition: Partition, count: number): string[] {
  const ids: string[] = []
  for (let number = 0; ids.length < count; number++) {
    const id = `n${number}`
    if (partitionOf(id) === partition) ids.push(id)
  }
  return ids
}

function batchesOf(mutations: readonly Mutation[]): ToReplica[] {
  const batches: ToReplica[] = []
  for (let from = 0; from < mutations.length; from += 512) {
    batches.push(applyOf(from, ...mutations.slice(from, from + 512)))
  }
  return batches
}
