/** The rules of a replica message by message, with what is hard for one that is not in memory: pages, counters, order. */
import type { Test } from 'tap'
import type { Mutation } from '../../lib/replication/copy.js'
import { type Epoch, type Partition, partitionOf, type SessionId } from '../../lib/replication/ids.js'
import type { FromReplica, ToReplica } from '../../lib/replication/messages.js'
import type { SessionServer } from '../../lib/session-server/session-server.js'
import { until } from '../support/until.js'
import { copyOf } from './copy-store-tests.js'

/** Makes an empty session server, closed when the test ends. */
export type MakeSessionServer = (t: Test) => Promise<SessionServer>

/** A session server to talk to as an owner does. */
export class Conversation {
  readonly #server: SessionServer
  readonly answers: FromReplica[] = []
  #calls = 0

  constructor(server: SessionServer) {
    this.#server = server
  }

  /** Sends without waiting for answers. */
  say(...messages: ToReplica[]): void {
    for (const message of messages) this.#server.receive(message, answer => this.answers.push(answer))
  }

  claim(partition: Partition, epoch: number): void {
    this.say({ type: 'claim', claims: [{ partition, epoch: epoch as Epoch }] })
  }

  /** @returns the epochs that refused a part of it, by partition */
  async apply(...mutations: Mutation[]): Promise<Record<number, number>> {
    const batch = ++this.#calls
    this.say({ type: 'apply', batch, mutations })
    const applied = await this.#answer(answer => answer.type === 'applied' && answer.batch === batch)
    if (applied.type !== 'applied') throw new TypeError('not an answer to apply')
    return Object.fromEntries(applied.fenced.map(({ partition, epoch }) => [partition, epoch]))
  }

  /** @returns the data of each session, its tombstone as false, null when there is none */
  async read(...ids: string[]): Promise<(string | false | null)[]> {
    const call = ++this.#calls
    this.say({ type: 'read', call, ids: ids as SessionId[] })
    const found = await this.#answer(answer => answer.type === 'found' && answer.call === call)
    if (found.type !== 'found') throw new TypeError('not an answer to read')
    return found.copies.map(copy => (copy === null ? null : (copy.data ?? false)))
  }

  /** @returns `id epoch.version` of everything listed, sorted */
  async list(partition: Partition): Promise<string[]> {
    const call = ++this.#calls
    this.say({ type: 'list', call, partition })
    await this.#answer(answer => answer.type === 'digest' && answer.call === call && !answer.more)
    return this.answers
      .flatMap(answer => (answer.type === 'digest' && answer.call === call ? answer.entries : []))
      .map(({ id, epoch, version }) => `${id} ${epoch}.${version}`)
      .sort()
  }

  async #answer(matches: (answer: FromReplica) => boolean): Promise<FromReplica> {
    await until(() => this.answers.some(matches))
    const answer = this.answers.find(matches)
    if (answer === undefined) throw new Error('the answer is gone')
    return answer
  }
}

/** Where a mutation stands; each has a default. */
export interface Placed {
  readonly epoch?: number
  readonly version?: number
  readonly authority?: number
  readonly expires?: number
  readonly partition?: Partition
}

/** @returns a put, or a destroy when `data` is null */
export function mutation(id: string, data: string | null, placed: Placed = {}): Mutation {
  const { epoch = 1, version = 1, authority = epoch } = placed
  const { expires = Date.now() + 60_000, partition = partitionOf(id) } = placed
  const stamp = { epoch: epoch as Epoch, authority: authority as Epoch }
  return { ...copyOf(id, data, version), ...stamp, expires, partition }
}

const P = partitionOf('s1')

export function replicaRulesTests(t: Test, make: MakeSessionServer): void {
  const talk = async (t: Test) => new Conversation(await make(t))

  t.test('what was applied is read back, in the order asked for, and what never was is null', async t => {
    const owner = await talk(t)
    t.same(await owner.apply(mutation('s1', '{"a":"é€😀"}'), mutation('s2', '{}')), {})
    t.same(await owner.read('s2', 'never', 's1'), ['{}', null, '{"a":"é€😀"}'])
    const found = owner.answers.find(answer => answer.type === 'found')
    t.match(found?.type === 'found' && found.copies[2], { id: 's1', epoch: 1, version: 1 })
  })

  t.test('the expiry of a copy comes back as it was', async t => {
    const owner = await talk(t)
    const expires = Date.now() + 123_456
    await owner.apply(mutation('s1', '{}', { expires }))
    await owner.read('s1')
    t.match(owner.answers.at(-1), { copies: [{ expires }] })
  })

  t.test('an older state never replaces a newer one, and is acknowledged all the same', async t => {
    const owner = await talk(t)
    await owner.apply(mutation('s1', '"9"', { version: 9 }))
    t.same(
      await owner.apply(mutation('s1', '"10"', { version: 10 }), mutation('s1', '"8"', { version: 8 })),
      {},
    )
    t.same(await owner.read('s1'), ['"10"'])
    await owner.apply(mutation('s1', '"again"', { version: 10 }))
    t.same(await owner.read('s1'), ['"10"'], 'the same state is not written twice')
    await owner.apply(mutation('s1', '"epoch 2"', { epoch: 2, version: 1 }))
    t.same(await owner.read('s1'), ['"epoch 2"'], 'a later epoch is newer than any version of an earlier one')
  })

  t.test('a destroyed session leaves a tombstone that late mutations can not undo', async t => {
    const owner = await talk(t)
    await owner.apply(mutation('s1', '{}'), mutation('s1', null, { version: 3 }))
    await owner.apply(mutation('s1', '{}', { version: 2 }))
    t.same(await owner.read('s1'), [false])
    t.same(await owner.list(P), ['s1 1.3'])
  })

  t.test(
    'mutations below the fence are refused, each partition by itself, and the fence is named',
    async t => {
      const owner = await talk(t)
      owner.claim(P, 12)
      owner.claim(P, 11)
      const other = partitionOf('s2')
      t.same(await owner.apply(mutation('s1', '{}', { epoch: 9 }), mutation('s2', '{}', { epoch: 9 })), {
        [P]: 12,
      })
      t.same(await owner.read('s1', 's2'), [null, '{}'])
      t.same(
        await owner.apply(mutation('s2', '{}', { epoch: 8, version: 2 })),
        { [other]: 9 },
        'without a claim',
      )
    },
  )

  t.test('a later owner may pass on what an earlier one wrote', async t => {
    const owner = await talk(t)
    owner.claim(P, 12)
    t.same(await owner.apply(mutation('s1', '{}', { epoch: 9, authority: 12 })), {})
    t.same(await owner.list(P), ['s1 9.1'])
  })

  t.test(
    'a list names all of its partition, tombstones too, and nothing else, however long it is',
    async t => {
      const owner = await talk(t)
      const ids = Array.from({ length: 2_300 }, (_, index) => `many-${index}`)
      const puts = ids.map((id, index) =>
        mutation(id, index % 3 === 0 ? null : '{}', {
          partition: P,
          expires: Date.now() + 60_000 + index * 10,
        }),
      )
      await owner.apply(...puts.slice(0, 1_500))
      await owner.apply(...puts.slice(1_500), mutation('elsewhere', '{}'))
      t.same(await owner.list(P), ids.map(id => `${id} 1.1`).sort())
      const digests = owner.answers.filter(answer => answer.type === 'digest')
      t.ok(digests.length > 1 && digests.slice(0, -1).every(({ more }) => more), 'in several parts')
      t.same(await owner.list(((P + 1) % 1024) as Partition), [])
    },
  )

  t.test('an expired copy is as good as none', async t => {
    const owner = await talk(t)
    await owner.apply(mutation('s1', '{}'), mutation('s2', '{}'))
    const past = { version: 2, expires: Date.now() - 1 }
    t.same(await owner.apply(mutation('s1', '{}', past)), {})
    t.same(await owner.read('s1', 's2'), [null, '{}'])
    t.same(await owner.list(P), [])
  })

  t.test('a forgotten partition loses its copies and keeps its fence', async t => {
    const owner = await talk(t)
    const ids = Array.from({ length: 1_200 }, (_, index) => `many-${index}`)
    await owner.apply(...ids.map(id => mutation(id, '{}', { partition: P, epoch: 3 })))
    await owner.apply(mutation('s1', null, { epoch: 3 }), mutation('s2', '{}'))
    owner.say({ type: 'forget', claim: { partition: P, epoch: 3 as Epoch } })
    t.same(await owner.list(P), [])
    t.same(await owner.read('s1', 's2'), [null, '{}'])
    t.same(await owner.apply(mutation('s1', '{}', { epoch: 2 })), { [P]: 3 })
  })

  t.test('an owner of the past can not make a replica forget', async t => {
    const owner = await talk(t)
    await owner.apply(mutation('s1', '{}', { epoch: 3 }))
    owner.say({ type: 'forget', claim: { partition: P, epoch: 2 as Epoch } })
    t.same(await owner.read('s1'), ['{}'])
  })

  t.test('a partition that was forgotten is filled again by what comes after that', async t => {
    const owner = await talk(t)
    owner.say(
      { type: 'apply', batch: 1, mutations: [mutation('s1', '"first"')] },
      { type: 'forget', claim: { partition: P, epoch: 1 as Epoch } },
      { type: 'apply', batch: 2, mutations: [mutation('s1', '"second"')] },
    )
    t.same(await owner.read('s1'), ['"second"'])
  })

  t.test('messages take effect and are answered in the order in which they were sent', async t => {
    const owner = await talk(t)
    const rounds = Array.from({ length: 200 }, (_, index) => index + 1)
    for (const version of rounds) {
      owner.say(
        { type: 'apply', batch: version, mutations: [mutation('s1', String(version), { version })] },
        { type: 'read', call: version, ids: [mutation('s1', null).id] },
      )
    }
    await until(() => owner.answers.length === 2 * rounds.length)
    const seen = owner.answers.map(answer => {
      if (answer.type === 'applied') return `applied ${answer.batch}`
      return answer.type === 'found' ? `found ${answer.copies[0]?.data}` : answer.type
    })
    t.same(
      seen,
      rounds.flatMap(version => [`applied ${version}`, `found ${version}`]),
    )
  })

  t.test(
    'an answer that takes longer holds back those to later messages, whatever partition they are about',
    async t => {
      const owner = await talk(t)
      const ids = Array.from({ length: 1_500 }, (_, index) => `many-${index}`)
      await owner.apply(...ids.map(id => mutation(id, '{}', { partition: P })))
      owner.say(
        { type: 'list', call: 500, partition: P },
        { type: 'apply', batch: 501, mutations: [mutation('s2', '{}')] },
      )
      await until(() => owner.answers.at(-1)?.type === 'applied' && owner.answers.length > 2)
      t.same(
        owner.answers.slice(1).map(({ type }) => type),
        ['digest', 'digest', 'applied'],
      )
    },
  )

  t.test('the fences are told, 0 where nothing was claimed', async t => {
    const server = await make(t)
    const owner = new Conversation(server)
    owner.claim(P, 12)
    await owner.apply(mutation('s2', '{}', { epoch: 7 }))
    const fences = await server.fences()
    t.equal(fences.length, 1024)
    t.equal(fences[P], 12)
    t.equal(fences[partitionOf('s2')], 7)
    t.equal(
      fences.reduce((sum, epoch) => sum + epoch, 0),
      19,
    )
  })

  t.test('the counters follow every change: partitions, sessions, tombstones, bytes of data', async t => {
    const server = await make(t)
    const owner = new Conversation(server)
    await owner.apply(mutation('s1', 'x'.repeat(10)), mutation('s2', '"é"'))
    t.same(await server.stats(), { partitions: 2, sessions: 2, tombstones: 0, bytes: 14 })
    await owner.apply(mutation('s1', null, { version: 2 }), mutation('s2', '1', { version: 2 }))
    t.same(await server.stats(), { partitions: 2, sessions: 1, tombstones: 1, bytes: 1 })
    owner.say({ type: 'forget', claim: { partition: P, epoch: 1 as Epoch } })
    await owner.read('s1')
    t.same(await server.stats(), { partitions: 1, sessions: 1, tombstones: 0, bytes: 1 })
  })
}
