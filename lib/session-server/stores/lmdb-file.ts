/** The LMDB file of one session server: opened with every care, written by one transaction at a time. */
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { ALL_PARTITIONS } from '../../replication/ids.js'
import { readJournal } from './journal.js'
import type { FoundRecord } from './journal-record.js'
import {
  asStoreError,
  StoreCorruptError,
  StoreFailedError,
  StoreFullError,
  StoreLockedError,
} from './lmdb-errors.js'
import { readHeader } from './lmdb-header.js'
import { generationOf, ifStillOurs, openMeta, placedOf, setPlaced, takeOver } from './lmdb-meta.js'
import { decodeCopy, decodePartition, idOfCopyKey, partitionKey } from './lmdb-records.js'
import { PartitionLedger } from './partition-ledger.js'
import { isFull, prepareFolder } from './store-folder.js'

/** A commit that takes longer, ms, is taken for a failure: a disk that answers no more must not look alive. */
const COMMIT_MS_MAX = 30_000

/** A database of keys and values as bytes. */
export type ByteDatabase = Database<Uint8Array, Uint8Array>

/** One change of a transaction; a value of null removes. */
export interface Write {
  readonly to: ByteDatabase
  readonly key: Uint8Array
  readonly value: Uint8Array | null
}

/** An open file. */
export interface LmdbFile {
  /** Its folder. */
  readonly path: string
  /** partition, id → copy */
  readonly copies: ByteDatabase
  /** expiry interval, partition, id → nothing */
  readonly expiries: ByteDatabase
  /** partition → fence and counters */
  readonly partitions: ByteDatabase
  /** What `partitions` held when it was opened. */
  readonly ledger: PartitionLedger
  /** Rises with each opening. */
  readonly generation: number
  /** What the journal had when it was opened that was not in its place. */
  readonly journaled: readonly FoundRecord[]
  /** The last record of the journal, or the last that ever was; 0 for none. */
  readonly sequence: number
  /**
   * Writes all or nothing. Resolves once it is on the disk: written and flushed (fdatasync).
   * @param placed the number of the record of the journal up to which everything is in its place then
   * @throws (as a rejection) StoreLockedError when somebody has taken the file over, StoreFullError, StoreFailedError
   */
  write(writes: readonly Write[], placed: number | null): Promise<void>
  /** @throws StoreLockedError when somebody has taken the file over */
  assertOurs(): void
  close(): Promise<void>
}

/** @throws (as a rejection) as openLmdbStore does */
export async function openLmdbFile(path: string, name: string): Promise<LmdbFile> {
  try {
    await prepareFolder(path)
    const data = join(path, 'data.mdb')
    const header = await readHeader(data, path)
    if (header === null || header.bytes >= header.bytesUsed) return await openDatabases(path, name, false)
    // Its last pages are free ones, never written, or it was cut off. Zeros tell which; without them it can't be read.
    await truncate(data, header.bytesUsed)
    try {
      return await openDatabases(path, name, true)
    } catch (error) {
      await truncate(data, header.bytes)
      throw error
    }
  } catch (error) {
    throw asStoreError(error, path)
  }
}

async function openDatabases(path: string, name: string, verified: boolean): Promise<LmdbFile> {
  const root = openRoot(path)
  try {
    const meta = await openMeta(root, path, name)
    const bytes = (database: string): ByteDatabase => root.openDB({ name: database, ...BYTES })
    const copies = bytes('copies')
    const expiries = bytes('expiries')
    const partitions = bytes('partitions')
    if (verified) verify(root, copies, expiries, path)
    // Looked at before anything is written, and again when nobody else can add to it.
    await readJournal(path, placedOf(root, meta))
    readLedger(partitions, path)
    const generation = await takeOver(root, meta, path)
    const placed = placedOf(root, meta)
    const journaled = await readJournal(path, placed)
    const ledger = readLedger(partitions, path)
    const takenOver = (): Error => new StoreLockedError(path, 'was taken over by another session server')
    const write = async (writes: readonly Write[], placed: number | null): Promise<void> => {
      const written = withinTime(
        ifStillOurs(meta, generation, () => {
          // Their outcome is that of the whole transaction.
          for (const { to, key, value } of writes) void (value === null ? to.remove(key) : to.put(key, value))
          if (placed !== null) setPlaced(meta, placed)
        }),
        path,
      )
      const stillOurs = await written.catch(async (error: unknown) => {
        throw await commitError(error, path)
      })
      if (!stillOurs) throw takenOver()
      root.resetReadTxn()
    }
    const assertOurs = (): void => {
      if (generationOf(root, meta) !== generation) throw takenOver()
    }
    const sequence = journaled.at(-1)?.sequence ?? placed
    const close = (): Promise<void> => root.close()
    return {
      path,
      copies,
      expiries,
      partitions,
      ledger,
      generation,
      journaled,
      sequence,
      write,
      assertOurs,
      close,
    }
  } catch (error) {
    await root.close()
    throw error
  }
}

function openRoot(path: string): RootDatabase<Uint8Array, Uint8Array> {
  // Typed by what it is given, since lmdb's types leave out what its documentation and code have.
  const options = {
    path,
    ...BYTES,
    noSubdir: false,
    maxDbs: 8,
    /** Sessions are nobody else's business. */
    permissionsMode: 0o600,
    /** Resolve when it is on the disk, not when it is visible: the flush belongs to the commit. */
    overlappingSync: false,
    /** One transaction is one batch, written when it is complete and not before: see lmdb.ts on killed threads. */
    eventTurnBatching: false,
    batchStartThreshold: Number.MAX_SAFE_INTEGER,
  }
  return open<Uint8Array, Uint8Array>(options)
}

function readLedger(partitions: ByteDatabase, path: string): PartitionLedger {
  const ledger = new PartitionLedger()
  for (const partition of ALL_PARTITIONS) {
    const stored = partitions.getBinary(partitionKey(partition))
    if (stored === undefined) continue
    const record = decodePartition(stored)
    if (record === undefined)
      throw new StoreCorruptError(path, `the record of partition ${partition} can't be read`)
    ledger.restore(partition, record)
  }
  return ledger
}

/** Reads everything there is. */
function verify(
  root: RootDatabase<Uint8Array, Uint8Array>,
  copies: ByteDatabase,
  expiries: ByteDatabase,
  path: string,
): void {
  root.getStats()
  let sessions = 0
  for (const { key, value } of copies.getRange()) {
    if (decodeCopy(idOfCopyKey(key), value) === undefined)
      throw new StoreCorruptError(path, 'a part of data.mdb is missing')
    sessions++
  }
  const indexed = [...expiries.getKeys()].length
  if (indexed !== sessions)
    throw new StoreCorruptError(path, `${sessions} copies, but ${indexed} times of expiry`)
}

async function withinTime<T>(work: Promise<T>, path: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      reject(new StoreFailedError(path, `a commit took longer than ${COMMIT_MS_MAX} ms`))
    }, COMMIT_MS_MAX)
  })
  return await Promise.race([work, late]).finally(() => clearTimeout(timer))
}

/** A full disk shows as EIO when the last write still found room for a part of it. */
async function commitError(error: unknown, path: string): Promise<Error> {
  const found = asStoreError(await reasonOf(error), path)
  const full = found.code === 'STORE_FAILED' && (await isFull(path).catch(() => false))
  return full ? new StoreFullError(path, 'a write found no room', found) : found
}

/** LMDB rejects with an error that promises another, which says why: within this turn of the event loop or never. */
async function reasonOf(error: unknown): Promise<unknown> {
  if (!(error instanceof Error) || !('commitError' in error)) return error
  const nothing = new Promise(resolve => setImmediate(resolve, error))
  return await Promise.race([nothing, Promise.resolve(error.commitError).catch((reason: unknown) => reason)])
}

const BYTES = { encoding: 'binary', keyEncoding: 'binary' } as const
