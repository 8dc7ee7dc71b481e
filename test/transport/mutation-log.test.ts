import { once } from 'node:events'
import { isDeepStrictEqual } from 'node:util'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import t from 'tap'
import type { Mutation } from '../../lib/replication/copy.js'
import {
  type Epoch,
  type Partition,
  partitionOf,
  type SessionId,
  type Version,
} from '../../lib/replication/ids.js'
import { createFenceBoard, FenceBoard } from '../../lib/transport/fence-board.js'
import { createMutationLog, MutationLogReader, MutationLogWriter } from '../../lib/transport/mutation-log.js'

interface Shared {
  readonly log: SharedArrayBuffer
  readonly board: SharedArrayBuffer
  /** Versions that the writer counts as held, for each partition; and a flag: it has ended. */
  readonly held: SharedArrayBuffer
}

const PARTITIONS = 4
const OLD = 1 as Epoch
const NEW = 2 as Epoch

if (isMainThread) tests()
else writeUntilFenced(workerData as Shared)

function tests(): void {
  t.test('what is appended is taken out as it was', async t => {
    const { writer, take } = ends()
    const mutations = [
      mutation('a', '{"name":"Zoë","cart":["☕","𝒳"]}'),
      mutation('#user:ü', null),
      mutation('b', ''),
      { ...mutation('c', '1'), expires: 1.5e15, version: (2 ** 40) as Version, authority: 7 as Epoch },
    ]
    t.ok(writer.append(mutations))
    t.strictSame(take(), mutations)
    t.strictSame(take(), [])
  })

  t.test('a log goes round and round, whatever the lengths', async t => {
    const { writer, take } = ends(2048)
    for (let round = 0; round < 3_000; round++) {
      const mutations = Array.from({ length: 1 + (round % 3) }, (_, index) =>
        mutation(`s${round}-${index}`, 'x'.repeat((round * 37) % 150)),
      )
      const isSame = writer.append(mutations) && isDeepStrictEqual(take(), mutations)
      if (!isSame) t.fail(`round ${round} differs`)
    }
    t.pass()
  })

  t.test('a full log takes nothing, and goes on when there is room again', async t => {
    const { writer, take } = ends(1024)
    const kept: Mutation[] = []
    const next = () => mutation(`s${kept.length}`, 'x'.repeat(60))
    for (let added = next(); writer.append([added]); added = next()) kept.push(added)
    t.ok(kept.length > 1, `${kept.length} found room`)
    t.notOk(writer.append([mutation('a', '1'), mutation('b', 'x'.repeat(900))]), 'all or nothing')
    t.strictSame(take(), kept)
    t.ok(writer.append([mutation('z', '2')]))
    t.strictSame(take(), [mutation('z', '2')])
  })

  t.test('an id that is too long has no place in a log', async t => {
    const { writer } = ends()
    t.notOk(writer.append([mutation('x'.repeat(257), '{}')]))
  })

  t.test(
    'what a thread counts as held is in the log when its fence is raised, at whatever moment',
    async t => {
      let heldInAll = 0
      for (let round = 0; round < 5; round++) {
        const shared: Shared = {
          log: createMutationLog(64 * 1024),
          board: createFenceBoard(),
          held: new SharedArrayBuffer((PARTITIONS + 1) * 4),
        }
        const worker = new Worker(new URL(import.meta.url), { workerData: shared })
        const ended = once(worker, 'exit')
        const reader = new MutationLogReader(shared.log)
        const board = new FenceBoard(shared.board)
        const held = new Int32Array(shared.held)
        const newest = new Map<number, number>()
        const take = (): void => {
          const taken: Mutation[] = []
          reader.take(taken)
          for (const { partition, version } of taken) newest.set(partition, version)
        }
        while (Atomics.load(held, 0) < 1_000 + round * 100) take()
        for (let partition = 0; partition < PARTITIONS; partition++) {
          board.raise(partition as Partition, NEW)
          take()
          const found = newest.get(partition) ?? 0
          await settled(held, partition, take)
          const counted = Atomics.load(held, partition)
          heldInAll += counted
          if (counted > found) t.fail(`${counted} counted as held, ${found} was found`)
        }
        Atomics.store(held, PARTITIONS, 1)
        await ended
      }
      t.ok(heldInAll > 0, `${heldInAll} held`)
    },
  )
}

/** Waits until a writer counts no more of this partition as held. */
async function settled(held: Int32Array, partition: number, meanwhile: () => void): Promise<void> {
  let before: number
  do {
    before = Atomics.load(held, partition)
    await new Promise(resolve => setTimeout(resolve, 2))
    meanwhile()
  } while (Atomics.load(held, partition) !== before)
}

/** An owner that writes one version after the other of one session in each partition. */
function writeUntilFenced({ log, board: boardMemory, held: heldMemory }: Shared): void {
  const writer = new MutationLogWriter(log)
  const board = new FenceBoard(boardMemory)
  const held = new Int32Array(heldMemory)
  for (let version = 1; Atomics.load(held, PARTITIONS) === 0; version++) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const next = {
        ...mutation('s', '{"n":1}'),
        partition: partition as Partition,
        version: version as Version,
      }
      if (!writer.append([next])) continue
      if (!board.fences(partition as Partition, OLD)) Atomics.store(held, partition, version)
    }
  }
}

function ends(bytes?: number): { writer: MutationLogWriter; take: () => Mutation[] } {
  const memory = createMutationLog(bytes)
  const reader = new MutationLogReader(memory)
  const take = (): Mutation[] => {
    const taken: Mutation[] = []
    reader.take(taken)
    return taken
  }
  return { writer: new MutationLogWriter(memory), take }
}

function mutation(id: string, data: string | null): Mutation {
  return {
    id: id as SessionId,
    partition: partitionOf(id as SessionId),
    epoch: OLD,
    version: 1 as Version,
    expires: 1e15,
    data,
    authority: OLD,
  }
}
