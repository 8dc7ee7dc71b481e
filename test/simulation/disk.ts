/**
 * A disk that keeps its word and nothing more: what was flushed stays, and of the transaction that was being written at
 * a crash nothing, a part, or all may be there. A part is told by its checksum and dropped, as LMDB's would be.
 */
import { crc32 } from 'node:zlib'
import type { SessionCopy } from '../../lib/replication/copy.js'
import type { Epoch, Partition, SessionId } from '../../lib/replication/ids.js'
import type { PlannedFault } from './schedule.js'

type DiskRecord =
  | { readonly type: 'copy'; readonly copy: SessionCopy; readonly partition: Partition }
  | { readonly type: 'delete'; readonly id: SessionId; readonly partition: Partition }
  | { readonly type: 'fence'; readonly partition: Partition; readonly epoch: Epoch }

/** What a disk holds at some moment. */
export interface DiskImage {
  readonly copies: ReadonlyMap<SessionId, { readonly copy: SessionCopy; readonly partition: Partition }>
  readonly fences: ReadonlyMap<Partition, Epoch>
}

export const EMPTY_IMAGE: DiskImage = { copies: new Map(), fences: new Map() }

export class SimulatedDisk {
  readonly #copies: Map<SessionId, { readonly copy: SessionCopy; readonly partition: Partition }>
  readonly #fences: Map<Partition, Epoch>
  #writing: DiskRecord[] | null = null
  #open: DiskRecord[] = []

  constructor({ copies, fences }: DiskImage) {
    this.#copies = new Map(copies)
    this.#fences = new Map(fences)
  }

  /** Whether a transaction is being written. */
  get isBusy(): boolean {
    return this.#writing !== null
  }

  /** Adds a change to the next transaction. */
  record(record: DiskRecord): void {
    this.#open.push(record)
  }

  /** Begins to write what has changed since the last transaction began. */
  begin(): void {
    this.#writing = this.#open
    this.#open = []
  }

  /** The transaction that was being written is flushed. */
  flushed(): void {
    for (const record of this.#writing ?? []) this.#apply(record)
    this.#writing = null
  }

  /** What is flushed at this moment. */
  image(): DiskImage {
    return { copies: new Map(this.#copies), fences: new Map(this.#fences) }
  }

  /** What a crash at this moment leaves. Nothing is written any more. */
  crash(transaction: PlannedFault['transaction']): DiskImage {
    const writing = this.#writing ?? []
    const checksum = checksumOf(writing)
    const found = transaction === 'torn' ? writing.slice(0, -1) : writing
    if (transaction !== 'lost' && checksumOf(found) === checksum) this.flushed()
    return this.image()
  }

  #apply(record: DiskRecord): void {
    if (record.type === 'fence') this.#fences.set(record.partition, record.epoch)
    else if (record.type === 'delete') this.#copies.delete(record.id)
    else this.#copies.set(record.copy.id, { copy: record.copy, partition: record.partition })
  }
}

function checksumOf(records: readonly DiskRecord[]): number {
  return crc32(JSON.stringify(records))
}
