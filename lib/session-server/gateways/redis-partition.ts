/**
 * One partition in Redis: what a replica does with it, carried out by scripts there. Whoever calls lets one call end
 * before the next begins; then nothing is overtaken, even if Redis asks for a command to be repeated.
 */
import type { DigestEntry, Mutation, SessionCopy } from '../../replication/copy.js'
import type { Epoch, Partition, SessionId } from '../../replication/ids.js'
import type { RedisConnection } from './redis-connection.js'
import { RedisUnexpectedReplyError } from './redis-errors.js'
import {
  decodeCopy,
  decodeNumber,
  decodeStamp,
  encodeCopy,
  encodeNumber,
  keysOf,
  type PartitionKeys,
} from './redis-layout.js'
import { APPLY, COUNT, RAISE_FENCE, REMOVE, STAMPS } from './redis-scripts.js'

/** Ids in one page of a list, and copies removed at once: a few ms at most in which Redis does nothing else. */
const PAGE = 1000
/** Later than any copy expires, ms. */
const END_OF_TIME = Number.MAX_SAFE_INTEGER

/** Copies of one partition; see {@link SessionServerStats}. */
export interface PartitionCounts {
  readonly sessions: number
  readonly tombstones: number
  readonly bytes: number
}

export class RedisPartition {
  readonly #redis: RedisConnection
  readonly #keys: PartitionKeys
  /** Of the sorted sets: every copy is in one of them. */
  readonly #indexes: readonly string[]

  constructor(redis: RedisConnection, prefix: string, partition: Partition) {
    this.#redis = redis
    this.#keys = keysOf(prefix, partition)
    this.#indexes = [this.#keys.live, this.#keys.tombstones]
  }

  /** @returns the highest epoch ever claimed, 0 when none was */
  async fence(): Promise<Epoch> {
    const fence = await this.#redis.send(this.#keys.fence, ['GET', this.#keys.fence])
    return decodeNumber(fence === null ? null : asText(fence)) as Epoch
  }

  async raiseFence(epoch: Epoch): Promise<void> {
    await this.#redis.run(RAISE_FENCE, [this.#keys.fence], [encodeNumber(epoch)])
  }

  /** Applies mutations in order. @returns the fence when any of them was refused, otherwise null */
  async apply(mutations: readonly Mutation[], now: number): Promise<Epoch | null> {
    const args = mutations.flatMap(mutation => [
      mutation.id,
      encodeNumber(mutation.authority),
      // How long, not until when: so the clocks of Redis and of this host may differ.
      String(Math.ceil(mutation.expires - now)),
      encodeCopy(mutation),
    ])
    const copies = mutations.map(({ id }) => this.#keys.copy(id))
    const fence = await this.#redis.run(APPLY, [...this.#ownKeys(), ...copies], args)
    return fence === null ? null : (decodeNumber(asText(fence)) as Epoch)
  }

  /** @returns those that are there, expired ones included */
  async read(ids: readonly SessionId[]): Promise<readonly SessionCopy[]> {
    const keys = ids.map(id => this.#keys.copy(id))
    const texts = asList(await this.#redis.send(this.#keys.fence, ['MGET', ...keys]))
    return ids.flatMap((id, index) => {
      const text = texts[index] ?? null
      return text === null ? [] : [decodeCopy(id, asText(text))]
    })
  }

  /** @returns where each session and tombstone that has not expired stands, in pages; at least one, maybe empty */
  async list(now: number): Promise<readonly (readonly DigestEntry[])[]> {
    const pages: DigestEntry[][] = []
    for (const index of this.#indexes) {
      let ids: readonly SessionId[] = []
      // Ranks stay as they are meanwhile: whatever changes this partition comes later.
      for (let from = 0; from === 0 || ids.length === PAGE; from += PAGE) {
        ids = await this.#ids(index, [`(${now}`, '+inf', 'BYSCORE', 'LIMIT', String(from), String(PAGE)])
        if (ids.length > 0) pages.push(await this.#stampsOf(ids))
      }
    }
    return pages.length === 0 ? [[]] : pages
  }

  /** Removes every copy, unless the epoch is over. The fence first: no earlier owner adds anything after that. */
  async forget(epoch: Epoch): Promise<void> {
    const authority = encodeNumber(epoch)
    let goesOn = await this.#remove(authority, END_OF_TIME, [])
    for (const index of this.#indexes) {
      while (goesOn) {
        const ids = await this.#ids(index, ['0', String(PAGE - 1)])
        if (ids.length === 0) break
        goesOn = await this.#remove(authority, END_OF_TIME, ids)
      }
    }
  }

  /** Removes a page of the copies that have expired. */
  async sweep(now: number): Promise<void> {
    for (const index of this.#indexes) {
      const ids = await this.#ids(index, ['-inf', String(now), 'BYSCORE', 'LIMIT', '0', String(PAGE)])
      if (ids.length > 0) await this.#remove('', now, ids)
    }
  }

  async count(): Promise<PartitionCounts> {
    const { live, tombstones, bytes } = this.#keys
    const counts = asList(await this.#redis.run(COUNT, [live, tombstones, bytes], []))
    return { sessions: Number(counts[0]), tombstones: Number(counts[1]), bytes: Number(counts[2]) }
  }

  async #ids(index: string, range: readonly string[]): Promise<readonly SessionId[]> {
    const ids = asList(await this.#redis.send(index, ['ZRANGE', index, ...range]))
    return ids.map(id => asText(id) as SessionId)
  }

  /** A copy that Redis has removed already has no stamp. */
  async #stampsOf(ids: readonly SessionId[]): Promise<DigestEntry[]> {
    const copies = ids.map(id => this.#keys.copy(id))
    const stamps = asList(await this.#redis.run(STAMPS, copies, []))
    return ids.flatMap((id, index) => {
      const stamp = asText(stamps[index])
      return stamp === '' ? [] : [decodeStamp(id, stamp)]
    })
  }

  /** @param authority an epoch, or nothing for those who own nothing @returns false when that epoch is over */
  async #remove(authority: string, expiredBy: number, ids: readonly SessionId[]): Promise<boolean> {
    const copies = ids.map(id => this.#keys.copy(id))
    const args = [authority, encodeNumber(expiredBy), ...ids]
    return (await this.#redis.run(REMOVE, [...this.#ownKeys(), ...copies], args)) === 1
  }

  #ownKeys(): readonly string[] {
    const { fence, live, tombstones, bytes } = this.#keys
    return [fence, live, tombstones, bytes]
  }
}

function asList(reply: unknown): readonly unknown[] {
  if (!Array.isArray(reply)) throw new RedisUnexpectedReplyError('a list', reply)
  return reply
}

function asText(reply: unknown): string {
  if (typeof reply !== 'string') throw new RedisUnexpectedReplyError('text', reply)
  return reply
}
