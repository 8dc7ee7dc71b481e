/**
 * Copies on disk, in LMDB: what was committed outlives this process, and the machine too. Changes collect in memory
 * and go to disk in one transaction for each commit; reads look at what is not saved yet before they look at the disk.
 *
 * The rules run outside of the transaction, and the transaction outside of this thread: a thread that is killed in
 * the middle of one that runs in JavaScript would keep the lock of the file, and never end. Whatever calls LMDB goes
 * through the thread's gate: one that is killed on its way into LMDB would end the whole process.
 */
import type { SessionCopy, Stamp } from '../../replication/copy.js'
import type { CopyStoreStats, ExpiredCopy } from '../../replication/copy-store.js'
import type { Epoch, Partition, SessionId } from '../../replication/ids.js'
import { EndGate } from '../../transport/end-gate.js'
import type { DurableStore } from './durable-store.js'
import { asStoreError, StoreCorruptError } from './lmdb-errors.js'
import { type LmdbFile, openLmdbFile, type Write } from './lmdb-file.js'
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
import { type Change, Unsaved } from './unsaved.js'

/** Expired copies found in one sweep: at ten sweeps a second 10,000 sessions a second may end. */
const EXPIRED_PER_SWEEP = 1000

/**
 * Opens the copies of a session server, or makes an empty store of them.
 * @param path an absolute folder, made when it is missing
 * @param name the session server's
 * @param endGate of this thread, if that may be ended at any time
 * @throws (as a rejection) StoreUnwritableError, StoreFullError, StoreCorruptError, StoreFormatError,
 * StoreOwnerError, StoreLockedError or StoreFailedError; nothing was changed then
 */
export async function openLmdbStore(
  path: string,
  name: string,
  endGate = new EndGate(),
): Promise<DurableStore> {
  return new LmdbStore(await endGate.hold(() => openLmdbFile(path, name)), endGate)
}

class LmdbStore implements DurableStore {
  readonly #file: LmdbFile
  readonly #ledger: PartitionLedger
  readonly #endGate: EndGate
  /** Since the last commit was begun. */
  #unsaved = new Unsaved()
  /** What the commit under way writes. */
  #saving: Unsaved | null = null

  constructor(file: LmdbFile, endGate: EndGate) {
    this.#endGate = endGate
    this.#file = file
    this.#ledger = file.ledger
  }

  get isDirty(): boolean {
    return !this.#unsaved.isEmpty
  }

  get(id: SessionId, partition: Partition): SessionCopy | undefined {
    return this.#find(id, partition)?.copy
  }

  stampOf(id: SessionId, partition: Partition): Stamp | undefined {
    return this.#find(id, partition)?.copy
  }

  set(copy: SessionCopy, partition: Partition): void {
    this.#change(copy.id, partition, { copy, bytes: copy.data === null ? 0 : Buffer.byteLength(copy.data) })
  }

  delete(id: SessionId, partition: Partition): void {
    this.#change(id, partition, null)
  }

  *inPartition(partition: Partition): Generator<SessionCopy> {
    const range = { start: partitionKey(partition), end: partitionKey(partition + 1) }
    for (const { key, value } of this.#endGate.each(this.#file.copies.getRange(range))) {
      const id = idOfCopyKey(key)
      if (this.#changeOf(id, partition) === undefined) yield this.#decode(id, value).copy
    }
    const changed = new Map([
      ...(this.#saving?.ofPartition(partition) ?? []),
      ...this.#unsaved.ofPartition(partition),
    ])
    for (const id of changed.keys()) {
      const held = this.#changeOf(id, partition)?.held
      if (held) yield held.copy
    }
  }

  list(partition: Partition): Iterable<SessionCopy> {
    return this.inPartition(partition)
  }

  *expired(now: number): Generator<ExpiredCopy> {
    const range = { start: intervalKey(0), end: intervalKey(intervalAfter(now)), limit: EXPIRED_PER_SWEEP }
    for (const key of this.#endGate.run(() => [...this.#file.expiries.getKeys(range)])) {
      const { id, partition } = ofExpiryKey(key)
      const held = this.#find(id, partition)
      if (held !== undefined && held.copy.expires <= now) yield { id, partition }
    }
  }

  fence(partition: Partition): Epoch {
    return this.#ledger.fence(partition)
  }

  raiseFence(partition: Partition, epoch: Epoch): void {
    if (epoch <= this.#ledger.fence(partition)) return
    this.#ledger.raiseFence(partition, epoch)
    this.#unsaved.partitions.add(partition)
  }

  stats(): CopyStoreStats {
    return this.#ledger.stats()
  }

  async commit(): Promise<void> {
    if (this.#unsaved.isEmpty) return
    const saving = this.#unsaved
    this.#unsaved = new Unsaved()
    this.#saving = saving
    const writes = this.#writesOf(saving)
    await this.#endGate.hold(() => this.#file.write(writes))
    this.#saving = null
  }

  asError(thrown: unknown): Error {
    return asStoreError(thrown, this.#file.path)
  }

  close(): Promise<void> {
    return this.#endGate.hold(() => this.#file.close())
  }

  /** @param held null deletes */
  #change(id: SessionId, partition: Partition, held: HeldCopy | null): void {
    const before = this.#find(id, partition)
    if (before === undefined && held === null) return
    const earlier = this.#unsaved.get(id, partition)
    const indexedBefore = earlier === undefined ? intervalOf(before ?? null) : earlier.indexedBefore
    if (before !== undefined) this.#ledger.count(partition, before, -1)
    if (held !== null) this.#ledger.count(partition, held, 1)
    this.#unsaved.set(id, partition, { held, indexedBefore })
  }

  #find(id: SessionId, partition: Partition): HeldCopy | undefined {
    const change = this.#changeOf(id, partition)
    if (change !== undefined) return change.held ?? undefined
    const value = this.#endGate.run(() => this.#file.copies.getBinary(copyKey(partition, id)))
    return value === undefined ? undefined : this.#decode(id, value)
  }

  #changeOf(id: SessionId, partition: Partition): Change | undefined {
    return this.#unsaved.get(id, partition) ?? this.#saving?.get(id, partition)
  }

  #decode(id: SessionId, value: Uint8Array): HeldCopy {
    const held = decodeCopy(id, value)
    if (held === undefined) throw new StoreCorruptError(this.#file.path, `the checksum of a copy is wrong`)
    return held
  }

  /** All of it is encoded before any is written: nothing that throws here leaves half a transaction. */
  #writesOf(saving: Unsaved): readonly Write[] {
    const { copies, expiries, partitions } = this.#file
    const writes: Write[] = []
    for (const [id, partition, { held, indexedBefore }] of saving) {
      writes.push({ to: copies, key: copyKey(partition, id), value: held && encodeCopy(held) })
      const indexed = intervalOf(held)
      if (indexed === indexedBefore) continue
      if (indexedBefore !== null)
        writes.push({ to: expiries, key: expiryKey(indexedBefore, partition, id), value: null })
      if (indexed !== null)
        writes.push({ to: expiries, key: expiryKey(indexed, partition, id), value: NOTHING })
    }
    for (const partition of saving.partitions) {
      writes.push({
        to: partitions,
        key: partitionKey(partition),
        value: encodePartition(this.#ledger.record(partition)),
      })
    }
    return writes
  }
}

/** @returns where the expiry index has a copy; null when there is none */
function intervalOf(held: HeldCopy | null): number | null {
  return held && expiryInterval(held.copy.expires)
}

/** The expiry index has nothing to say beyond its keys. */
const NOTHING = Buffer.alloc(0)
