/** Copies in this thread's memory: gone with the session server, and then recopied from the other replicas. */
import type { SessionCopy } from '../../replication/copy.js'
import type { CopyStore, CopyStoreStats, ExpiredCopy } from '../../replication/copy-store.js'
import { type Epoch, PARTITION_COUNT, type Partition, type SessionId } from '../../replication/ids.js'

/** Partitions looked at for expired copies in one sweep: at ten sweeps a second a full round takes 13 s. */
const SWEPT_PARTITIONS = 8

interface Entry {
  readonly copy: SessionCopy
  /** Of the data: counted once, since counting walks the text. */
  readonly bytes: number
}

/** One Map for each partition that has copies, so that a partition is listed and forgotten without a search. */
export class MemoryStore implements CopyStore {
  readonly #partitions = new Map<Partition, Map<SessionId, Entry>>()
  readonly #fences = new Map<Partition, Epoch>()
  #sessions = 0
  #tombstones = 0
  #bytes = 0
  #nextSwept = 0

  get(id: SessionId, partition: Partition): SessionCopy | undefined {
    return this.#partitions.get(partition)?.get(id)?.copy
  }

  set(copy: SessionCopy, partition: Partition): void {
    const entries = this.#entriesOf(partition)
    const entry = { copy, bytes: copy.data === null ? 0 : Buffer.byteLength(copy.data) }
    this.#count(entries.get(copy.id), -1)
    this.#count(entry, 1)
    entries.set(copy.id, entry)
  }

  delete(id: SessionId, partition: Partition): void {
    const entries = this.#partitions.get(partition)
    if (entries === undefined) return
    this.#count(entries.get(id), -1)
    entries.delete(id)
    if (entries.size === 0) this.#partitions.delete(partition)
  }

  *inPartition(partition: Partition): Generator<SessionCopy> {
    for (const { copy } of this.#partitions.get(partition)?.values() ?? []) yield copy
  }

  *expired(now: number): Generator<ExpiredCopy> {
    for (let swept = 0; swept < SWEPT_PARTITIONS; swept++) {
      const partition = this.#nextSwept as Partition
      this.#nextSwept = (this.#nextSwept + 1) % PARTITION_COUNT
      for (const { id, expires } of this.inPartition(partition)) {
        if (expires <= now) yield { id, partition }
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

  #entriesOf(partition: Partition): Map<SessionId, Entry> {
    const known = this.#partitions.get(partition)
    if (known !== undefined) return known
    const made = new Map<SessionId, Entry>()
    this.#partitions.set(partition, made)
    return made
  }

  #count(entry: Entry | undefined, by: 1 | -1): void {
    if (entry === undefined) return
    if (entry.copy.data === null) this.#tombstones += by
    else this.#sessions += by
    this.#bytes += by * entry.bytes
  }
}
