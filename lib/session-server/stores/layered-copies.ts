/**
 * The copies of an LMDB file with changes laid over them that are not in their places there yet: reads see both, and
 * {@link LayeredCopies.place} brings one to the other, in pieces and outside of this thread.
 *
 * Whatever calls LMDB goes through the thread's gate: a thread that is killed on its way into LMDB would end the whole
 * process, and one that is killed in a transaction of its own would keep the lock of the file and never end.
 */
import type { SessionCopy } from '../../replication/copy.js'
import type { CopyStoreStats, ExpiredCopy } from '../../replication/copy-store.js'
import type { Epoch, Partition, SessionId } from '../../replication/ids.js'
import type { EndGate } from '../../transport/end-gate.js'
import { type Change, Changes, type PartitionChanges } from './changes.js'
import { StoreCorruptError } from './lmdb-errors.js'
import type { LmdbFile, Write } from './lmdb-file.js'
import {
  copyKey,
  decodeCopy,
  encodeCopy,
  encodePartition,
  expiryInterval,
  expiryKey,
  type HeldCopy,
  idOfCopyKey,
  intervalAfter,
  intervalKey,
  ofExpiryKey,
  partitionKey,
} from './lmdb-records.js'
import type { PartitionLedger } from './partition-ledger.js'

/** Entries of the expiry index looked at in one sweep: at ten sweeps a second 10,000 sessions a second may end. */
const SWEPT_PER_SWEEP = 1000

/** Changes in one transaction: this thread prepares it in some 2 ms. */
const CHANGES_PER_TRANSACTION = 512

export class LayeredCopies {
  readonly #file: LmdbFile
  readonly #ledger: PartitionLedger
  readonly #endGate: EndGate
  #changes = new Changes()
  /** Those on their way to their places. */
  #placing: Changes | null = null
  /** Where the last sweep of the expiry index has ended; null when it has seen all of it. */
  #sweptTo: Uint8Array | null = null

  constructor(file: LmdbFile, endGate: EndGate) {
    this.#file = file
    this.#ledger = file.ledger
    this.#endGate = endGate
  }

  /** Whether everything is in its place, or on its way there. */
  get isPlaced(): boolean {
    return this.#changes.isEmpty
  }

  find(id: SessionId, partition: Partition): HeldCopy | undefined {
    const change = this.#changeOf(id, partition)
    if (change !== undefined) return change.held ?? undefined
    const value = this.#endGate.run(() => this.#file.copies.getBinary(copyKey(partition, id)))
    return value === undefined ? undefined : this.#decode(id, value)
  }

  set(copy: SessionCopy, partition: Partition): void {
    this.#change(copy.id, partition, { copy, bytes: copy.data === null ? 0 : Buffer.byteLength(copy.data) })
  }

  /** @returns whether it was there */
  delete(id: SessionId, partition: Partition): boolean {
    return this.#change(id, partition, null)
  }

  *inPartition(partition: Partition): Generator<SessionCopy> {
    const range = { start: partitionKey(partition), end: partitionKey(partition + 1) }
    for (const { key, value } of this.#endGate.each(this.#file.copies.getRange(range))) {
      const id = idOfCopyKey(key)
      if (this.#changeOf(id, partition) === undefined) yield this.#decode(id, value).copy
    }
    const changed = new Set([...(this.#placing?.idsOf(partition) ?? []), ...this.#changes.idsOf(partition)])
    for (const id of changed) {
      const held = this.#changeOf(id, partition)?.held
      if (held) yield held.copy
    }
  }

  /** Some of those that have expired and are in their places; the next call goes on behind them. */
  *expired(now: number): Generator<ExpiredCopy> {
    const from = this.#sweptTo ?? intervalKey(0)
    const end = intervalKey(intervalAfter(now))
    const range = { start: from, exclusiveStart: true, end, limit: SWEPT_PER_SWEEP }
    const keys = this.#endGate.run(() => [...this.#file.expiries.getKeys(range)])
    this.#sweptTo = keys.length < SWEPT_PER_SWEEP ? null : (keys.at(-1) ?? null)
    for (const key of keys) {
      const { id, partition } = ofExpiryKey(key)
      const held = this.find(id, partition)
      if (held !== undefined && held.copy.expires <= now) yield { id, partition }
    }
  }

  fence(partition: Partition): Epoch {
    return this.#ledger.fence(partition)
  }

  /** @returns whether it was lower */
  raiseFence(partition: Partition, epoch: Epoch): boolean {
    if (epoch <= this.#ledger.fence(partition)) return false
    this.#ledger.raiseFence(partition, epoch)
    this.#changes.touch(partition)
    return true
  }

  stats(): CopyStoreStats {
    return this.#ledger.stats()
  }

  /**
   * Writes all changes so far to their places. Reads see them meanwhile, and changes may be made. Called again only
   * after it has resolved.
   * @param sequence the last record of the journal that has any of them
   * @throws (as a rejection) why the file can't be written
   */
  async place(sequence: number): Promise<void> {
    const placing = this.#changes
    const ledger = this.#ledger.snapshot()
    this.#changes = new Changes()
    this.#placing = placing
    const pieces = placing.pieces(CHANGES_PER_TRANSACTION)
    for (const [index, piece] of pieces.entries()) {
      const writes = piece.flatMap(changes => [...this.#writesOf(changes, ledger)])
      const isLast = index === pieces.length - 1
      await this.#endGate.hold(() => this.#file.write(writes, isLast ? sequence : null))
    }
    this.#placing = null
  }

  /** @param held null deletes @returns whether that changes anything */
  #change(id: SessionId, partition: Partition, held: HeldCopy | null): boolean {
    const before = this.find(id, partition)
    if (before === undefined && held === null) return false
    const earlier = this.#changes.get(id, partition)
    const indexedBefore = earlier === undefined ? intervalOf(before ?? null) : earlier.indexedBefore
    if (before !== undefined) this.#ledger.count(partition, before, -1)
    if (held !== null) this.#ledger.count(partition, held, 1)
    this.#changes.set(id, partition, { held, indexedBefore })
    return true
  }

  #changeOf(id: SessionId, partition: Partition): Change | undefined {
    return this.#changes.get(id, partition) ?? this.#placing?.get(id, partition)
  }

  #decode(id: SessionId, value: Uint8Array): HeldCopy {
    const held = decodeCopy(id, value)
    if (held === undefined) throw new StoreCorruptError(this.#file.path, `the checksum of a copy is wrong`)
    return held
  }

  *#writesOf([partition, changes]: PartitionChanges, ledger: PartitionLedger): Generator<Write> {
    const { copies, expiries, partitions } = this.#file
    for (const [id, { held, indexedBefore }] of changes) {
      yield { to: copies, key: copyKey(partition, id), value: held && encodeCopy(held) }
      const indexed = intervalOf(held)
      if (indexed === indexedBefore) continue
      if (indexedBefore !== null)
        yield { to: expiries, key: expiryKey(indexedBefore, partition, id), value: null }
      if (indexed !== null) yield { to: expiries, key: expiryKey(indexed, partition, id), value: NOTHING }
    }
    yield {
      to: partitions,
      key: partitionKey(partition),
      value: encodePartition(ledger.record(partition)),
    }
  }
}

/** @returns where the expiry index has a copy; null when there is none */
function intervalOf(held: HeldCopy | null): number | null {
  return held && expiryInterval(held.copy.expires)
}

/** The expiry index has nothing to say beyond its keys. */
const NOTHING = Buffer.alloc(0)
