/**
 * Copies on disk: what was committed outlives this process, and the machine too. A commit is one record of the journal,
 * however many sessions it is about. The newest copies also stay in memory, until they are written to their places in
 * an LMDB file: once the journal is long, each session once, in transactions outside of this thread.
 */
import type { SessionCopy, Stamp } from '../../replication/copy.js'
import type { CopyStoreStats, ExpiredCopy } from '../../replication/copy-store.js'
import type { Epoch, Partition, SessionId } from '../../replication/ids.js'
import { EndGate } from '../../transport/end-gate.js'
import type { DurableStore } from './durable-store.js'
import { Journal, removeJournal } from './journal.js'
import { entriesOf, type FoundRecord, JournalRecord } from './journal-record.js'
import { LayeredCopies } from './layered-copies.js'
import { asStoreError } from './lmdb-errors.js'
import { type LmdbFile, openLmdbFile } from './lmdb-file.js'

/**
 * A journal of so many bytes is due to be compacted: some ten thousand small changes, which take a second to write to
 * their places, and a second after a crash.
 */
const COMPACTION_BYTES = 4 * 1024 * 1024
/** A commit waits for the compaction under way once the journal has become so long, bytes: memory is bounded by it. */
const JOURNAL_BYTES_MAX = 4 * COMPACTION_BYTES
/** What was changed is in its place, and in the expiry index, after this time at the latest, ms. */
const COMPACTION_AGE_MS = 10_000

/**
 * Opens the copies of a session server, or makes an empty store of them.
 * @param path an absolute folder, made when it is missing
 * @param name the session server's
 * @param endGate of this thread, if that may be ended at any time
 * @throws (as a rejection) StoreUnwritableError, StoreFullError, StoreCorruptError, StoreFormatError,
 * StoreOwnerError, StoreLockedError or StoreFailedError; nothing that it held is lost then
 */
export async function openLmdbStore(
  path: string,
  name: string,
  endGate = new EndGate(),
): Promise<DurableStore> {
  const file = await endGate.hold(() => openLmdbFile(path, name))
  try {
    const copies = new LayeredCopies(file, endGate)
    for (const record of file.journaled) replay(record, copies)
    if (!copies.isPlaced) await copies.place(file.sequence)
    await removeJournal(path)
    const journal = await Journal.create(path, file.generation, file.sequence)
    return new LmdbStore(file, copies, journal, endGate)
  } catch (error) {
    await endGate.hold(() => file.close())
    throw asStoreError(error, path)
  }
}

/** Each entry says what a session is, whatever it was: so what is in its place already may come again. */
function replay(record: FoundRecord, copies: LayeredCopies): void {
  for (const entry of entriesOf(record)) {
    switch (entry.kind) {
      case 'set':
        copies.set(entry.copy, entry.partition)
        break
      case 'delete':
        copies.delete(entry.id, entry.partition)
        break
      case 'fence':
        copies.raiseFence(entry.partition, entry.epoch)
        break
      default:
        entry satisfies never
    }
  }
}

class LmdbStore implements DurableStore {
  readonly #file: LmdbFile
  readonly #copies: LayeredCopies
  readonly #journal: Journal
  readonly #endGate: EndGate
  /** What the next commit takes along. */
  readonly #record = new JournalRecord()
  #compacting: Promise<void> | null = null
  /** When {@link isCompactionDue} first saw what is not in its place, ms; null when there is none. */
  #unplacedSince: number | null = null

  constructor(file: LmdbFile, copies: LayeredCopies, journal: Journal, endGate: EndGate) {
    this.#file = file
    this.#copies = copies
    this.#journal = journal
    this.#endGate = endGate
  }

  get isDirty(): boolean {
    return !this.#record.isEmpty
  }

  get(id: SessionId, partition: Partition): SessionCopy | undefined {
    return this.#copies.find(id, partition)?.copy
  }

  stampOf(id: SessionId, partition: Partition): Stamp | undefined {
    return this.#copies.find(id, partition)?.copy
  }

  set(copy: SessionCopy, partition: Partition): void {
    this.#copies.set(copy, partition)
    this.#record.set(copy, partition)
  }

  delete(id: SessionId, partition: Partition): void {
    if (this.#copies.delete(id, partition)) this.#record.delete(id, partition)
  }

  inPartition(partition: Partition): Iterable<SessionCopy> {
    return this.#copies.inPartition(partition)
  }

  list(partition: Partition): Iterable<SessionCopy> {
    return this.#copies.inPartition(partition)
  }

  expired(now: number): Iterable<ExpiredCopy> {
    return this.#copies.expired(now)
  }

  fence(partition: Partition): Epoch {
    return this.#copies.fence(partition)
  }

  raiseFence(partition: Partition, epoch: Epoch): void {
    if (this.#copies.raiseFence(partition, epoch)) this.#record.fence(partition, epoch)
  }

  stats(): CopyStoreStats {
    return this.#copies.stats()
  }

  async commit(): Promise<void> {
    if (this.#journal.bytes >= JOURNAL_BYTES_MAX) await this.#compacting
    this.#append()
  }

  isCompactionDue(now: number): boolean {
    if (this.#copies.isPlaced) {
      this.#unplacedSince = null
      return false
    }
    this.#unplacedSince ??= now
    return this.#journal.bytes >= COMPACTION_BYTES || now - this.#unplacedSince >= COMPACTION_AGE_MS
  }

  compact(): Promise<void> {
    this.#compacting ??= this.#compact().finally(() => {
      this.#compacting = null
    })
    return this.#compacting
  }

  asError(thrown: unknown): Error {
    return asStoreError(thrown, this.#file.path)
  }

  async close(): Promise<void> {
    await this.#compacting
    this.#journal.close()
    await this.#endGate.hold(() => this.#file.close())
  }

  /** In one turn: whoever looks at the store finds either nothing or all of it done. */
  #append(): void {
    if (this.#record.isEmpty) return
    this.#journal.append(this.#record)
    // Whoever has opened the file since has read the journal after that, or finds the record in it.
    this.#endGate.run(() => this.#file.assertOurs())
  }

  async #compact(): Promise<void> {
    // So that nothing comes to its place before it is in the journal.
    this.#append()
    if (this.#copies.isPlaced) return
    this.#unplacedSince = null
    await this.#copies.place(this.#journal.turn())
  }
}
