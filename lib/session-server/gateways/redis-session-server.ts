/**
 * A session server whose copies live in an existing Redis, Valkey or Redis Cluster. The rules are those of
 * `replication/replica.ts`; here they are carried out by scripts in Redis, one for each partition of a message.
 *
 * What concerns one partition is done one after the other, different partitions share the connection and do not wait
 * for each other, and answers leave in the order of their messages.
 */
import {
  ALL_PARTITIONS,
  type Epoch,
  type Partition,
  partitionOf,
  type SessionId,
} from '../../replication/ids.js'
import type { Claim, FromReplica, ToReplica } from '../../replication/messages.js'
import type { SessionServerStats } from '../../transport/actor-control.js'
import type { SessionServer } from '../session-server.js'
import { OrderedAnswers } from './redis-answers.js'
import type { RedisAddress } from './redis-connect.js'
import { RedisConnection } from './redis-connection.js'
import { Lanes } from './redis-lanes.js'
import { RedisPartition } from './redis-partition.js'

/** Time between two sweeps for expired copies, ms. */
const SWEEP_INTERVAL_MS = 100
/** Partitions in one sweep: a full round takes 26 s, far less than Redis keeps expired copies. */
const PARTITIONS_PER_SWEEP = 4

export class RedisSessionServer implements SessionServer {
  readonly holdsInMemory = false
  readonly failed: Promise<Error>
  readonly #redis: RedisConnection
  readonly #partitions: readonly RedisPartition[]
  readonly #lanes = new Lanes()
  readonly #answers = new OrderedAnswers()
  readonly #sweeps: NodeJS.Timeout
  #nextSwept = 0
  #isSweeping = false
  #counting: Promise<SessionServerStats> | null = null

  private constructor(redis: RedisConnection, prefix: string) {
    this.#redis = redis
    this.failed = redis.failed
    this.#partitions = ALL_PARTITIONS.map(partition => new RedisPartition(redis, prefix, partition))
    this.#sweeps = setInterval(() => void this.#sweep(), SWEEP_INTERVAL_MS).unref()
  }

  /** Connects. @throws (as a rejection) one of redis-errors.ts, within `timeoutMs` */
  static async open(address: RedisAddress): Promise<RedisSessionServer> {
    return new RedisSessionServer(await RedisConnection.open(address), address.prefix)
  }

  receive(message: ToReplica, answer: (answer: FromReplica) => void): void {
    const fill = this.#answers.takePlace(answer)
    this.#answersTo(message, Date.now()).then(fill, error => this.#redis.end(error))
  }

  async fences(): Promise<readonly Epoch[]> {
    return await Promise.all(this.#partitions.map(partition => partition.fence()))
  }

  /** Those who ask while it is counting get the same answer. */
  stats(): Promise<SessionServerStats> {
    this.#counting ??= this.#count().finally(() => {
      this.#counting = null
    })
    return this.#counting
  }

  async close(): Promise<void> {
    clearInterval(this.#sweeps)
    this.#redis.close()
  }

  /** Takes a place in every lane that it needs before it returns. */
  #answersTo(message: ToReplica, now: number): Promise<readonly FromReplica[]> {
    switch (message.type) {
      case 'claim':
        return this.#claim(message.claims)
      case 'apply':
        return this.#apply(message, now)
      case 'read':
        return this.#read(message.call, message.ids, now)
      case 'list':
        return this.#list(message.call, message.partition, now)
      case 'forget':
        return this.#forget(message.claim)
      default:
        return message satisfies never
    }
  }

  async #claim(claims: readonly Claim[]): Promise<readonly FromReplica[]> {
    await Promise.all(
      claims.map(({ partition, epoch }) => this.#inLane(partition, subject => subject.raiseFence(epoch))),
    )
    return []
  }

  async #apply(
    { batch, mutations }: ToReplica & { type: 'apply' },
    now: number,
  ): Promise<readonly FromReplica[]> {
    const applied = groupBy(mutations, ({ partition }) => partition).map(async ([partition, group]) => {
      const epoch = await this.#inLane(partition, subject => subject.apply(group, now))
      return epoch === null ? null : { partition, epoch }
    })
    const fenced = (await Promise.all(applied)).filter(claim => claim !== null)
    return [{ type: 'applied', batch, fenced }]
  }

  async #read(call: number, ids: readonly SessionId[], now: number): Promise<readonly FromReplica[]> {
    const reads = groupBy(ids, partitionOf).map(([partition, group]) =>
      this.#inLane(partition, subject => subject.read(group)),
    )
    const found = new Map((await Promise.all(reads)).flat().map(copy => [copy.id, copy]))
    const copies = ids.map(id => {
      const copy = found.get(id)
      return copy === undefined || copy.expires <= now ? null : copy
    })
    return [{ type: 'found', call, copies }]
  }

  async #list(call: number, partition: Partition, now: number): Promise<readonly FromReplica[]> {
    const pages = await this.#inLane(partition, subject => subject.list(now))
    return pages.map((entries, index) => ({ type: 'digest', call, entries, more: index < pages.length - 1 }))
  }

  async #forget({ partition, epoch }: Claim): Promise<readonly FromReplica[]> {
    await this.#inLane(partition, subject => subject.forget(epoch))
    return []
  }

  /** Removes what has expired from a few partitions. */
  async #sweep(): Promise<void> {
    if (this.#isSweeping) return
    this.#isSweeping = true
    const now = Date.now()
    const swept = Array.from({ length: PARTITIONS_PER_SWEEP }, () => {
      const partition = this.#nextSwept as Partition
      this.#nextSwept = (this.#nextSwept + 1) % ALL_PARTITIONS.length
      return this.#inLane(partition, subject => subject.sweep(now))
    })
    await Promise.all(swept).catch(error => this.#redis.end(error))
    this.#isSweeping = false
  }

  async #count(): Promise<SessionServerStats> {
    const counts = await Promise.all(this.#partitions.map(partition => partition.count()))
    const stats = { partitions: 0, sessions: 0, tombstones: 0, bytes: 0 }
    for (const { sessions, tombstones, bytes } of counts) {
      if (sessions + tombstones > 0) stats.partitions++
      stats.sessions += sessions
      stats.tombstones += tombstones
      stats.bytes += bytes
    }
    return stats
  }

  #inLane<T>(partition: Partition, work: (subject: RedisPartition) => Promise<T>): Promise<T> {
    const subject = this.#partitions[partition]
    if (subject === undefined) throw new RangeError(`there is no partition ${partition}`)
    return this.#lanes.run(partition, () => work(subject))
  }
}

function groupBy<T>(items: readonly T[], partition: (item: T) => Partition): readonly [Partition, T[]][] {
  const groups = new Map<Partition, T[]>()
  for (const item of items) {
    const key = partition(item)
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [item])
    else group.push(item)
  }
  return [...groups]
}
