/** Copies in this thread's memory: gone with the session server, and then recopied from the other replicas. */
import type { SessionCopy, Stamp } from '../../replication/copy.js'
import type { CopyStore, CopyStoreStats, ExpiredCopy, ListedCopy } from '../../replication/copy-store.js'
import { type Epoch, PARTITION_COUNT, type Partition, type SessionId } from '../../replication/ids.js'
import { CopyRecords, type RecordRef } from './copy-records.js'

/** Partitions looked at for expired copies in one sweep: at ten sweeps a second a full round takes 13 s. */
const SWEPT_PARTITIONS = 8

/** One Map for each partition that has copies, so that a partition is listed and forgotten without a search. */
export class MemoryStore implements CopyStore {
  readonly #partitions = new Map<Partition, Map<SessionId, RecordRef>>()
  readonly #records = new CopyRecords()
  readonly #fences = new Map<Partition, Epoch>()
  #sessions = 0
  #tombstones = 0
  #bytes = 0
  #nextSwept = 0

  get(id: SessionId, partition: Partition): SessionCopy | undefined {
    const ref = this.#partitions.get(partition)?.get(id)
    return ref === undefined ? undefined : this.#copyAt(ref, id)
  }

  stampOf(id: SessionId, partition: Partition): Stamp | undefined {
    const ref = this.#partitions.get(partition)?.get(id)
    return ref === undefined ? undefined : this.#records.stamp(ref)
  }

  set(copy: SessionCopy, partition: Partition): void {
    const refs = this.#refsOf(partition)
    const before = refs.get(copy.id)
    if (before !== undefined) this.#count(before, -1)
    const ref = this.#records.write(copy, before)
    this.#count(ref, 1)
    if (ref !== before) refs.set(copy.id, ref)
  }

  delete(id: SessionId, partition: Partition): void {
    const refs = this.#partitions.get(partition)
    const ref = refs?.get(id)
    if (refs === undefined || ref === undefined) return
    this.#count(ref, -1)
    this.#records.remove(ref)
    refs.delete(id)
    if (refs.size === 0) this.#partitions.delete(partition)
  }

  *inPartition(partition: Partition): Generator<SessionCopy> {
    for (const [id, ref] of this.#partitions.get(partition) ?? []) yield this.#copyAt(ref, id)
  }

  *list(partition: Partition): Generator<ListedCopy> {
    for (const [id, ref] of this.#partitions.get(partition) ?? []) {
      const { epoch, version } = this.#records.stamp(ref)
      yield { id, epoch, version, expires: this.#records.expires(ref) }
    }
  }

  *expired(now: number): Generator<ExpiredCopy> {
    for (let swept = 0; swept < SWEPT_PARTITIONS; swept++) {
      const partition = this.#nextSwept as Partition
      this.#nextSwept = (this.#nextSwept + 1) % PARTITION_COUNT
      for (const [id, ref] of this.#partitions.get(partition) ?? []) {
        if (this.#records.expires(ref) <= now) yield { id, partition }
      }
    }
  }

  fence(partition: Partition): Epoch {
    return this.#fences.get(partition) ?? (0 as Epoch)
  }

  raiseFence(partition: Partition, epoch: Epoch): void {
    if (epoch > this.fence(partition)) this.#fences.set(partition, epoch)
  }

  stats(): CopyStoreStats {
    return {
      partitions: this.#partitions.size,
      sessions: this.#sessions,
      tombstones: this.#tombstones,
      bytes: this.#bytes,
    }
  }

  #copyAt(ref: RecordRef, id: SessionId): SessionCopy {
    const { epoch, version } = this.#records.stamp(ref)
    return { id, epoch, version, expires: this.#records.expires(ref), data: this.#records.data(ref) }
  }

  #refsOf(partition: Partition): Map<SessionId, RecordRef> {
    const known = this.#partitions.get(partition)
    if (known !== undefined) return known
    const made = new Map<SessionId, RecordRef>()
    this.#partitions.set(partition, made)
    return made
  }

  #count(ref: RecordRef, by: 1 | -1): void {
    if (this.#records.isTombstone(ref)) this.#tombstones += by
    else this.#sessions += by
    this.#bytes += by * this.#records.textBytes(ref)
  }
}
