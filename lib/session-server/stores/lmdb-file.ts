/** The LMDB file of one session server: opened with every care, written by one transaction at a time. */
import { truncate } from 'node:fs/promises'
import { join } from 'node:path'
import { type Database, open, type RootDatabase } from 'lmdb'
import { ALL_PARTITIONS } from '../../replication/ids.js'
import {
  asStoreError,
  StoreCorruptError,
  StoreFailedError,
  StoreFormatError,
  StoreFullError,
  StoreLockedError,
  StoreOwnerError,
} from './lmdb-errors.js'
import { readHeader } from './lmdb-header.js'
import { decodeCopy, decodePartition, idOfCopyKey, partitionKey, STORE_FORMAT } from './lmdb-records.js'
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
  /**
   * Writes all or nothing. Resolves once it is on the disk: written and flushed (fdatasync).
   * @throws (as a rejection) StoreLockedError when somebody has taken the file over, StoreFullError, StoreFailedError
   */
  write(writes: readonly Write[]): Promise<void>
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
    const ledger = readLedger(partitions, path)
    const generation = await takeOver(root, meta, path)
    const write = async (writes: readonly Write[]): Promise<void> => {
      const written = withinTime(
        meta.ifVersion(GENERATION, generation, () => {
          // Their outcome is that of the whole transaction.
          for (const { to, key, value } of writes) void (value === null ? to.remove(key) : to.put(key, value))
        }),
        path,
      )
      const stillOurs = await written.catch(async (error: unknown) => {
        throw await commitError(error, path)
      })
      if (!stillOurs) throw new StoreLockedError(path, 'was taken over by another session server')
      root.resetReadTxn()
    }
    return { path, copies, expiries, partitions, ledger, write, close: () => root.close() }
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

/** Opens what says whose file this is, and makes it in an empty file. Nothing is written to one that is not ours. */
async function openMeta(
  root: RootDatabase<Uint8Array, Uint8Array>,
  path: string,
  name: string,
): Promise<MetaDatabase> {
  const options = { name: 'store', encoding: 'string', useVersions: true } as const
  const known = root.openDB<string, string>({ ...options, ...EXISTING }) as MetaDatabase | undefined
  const isEmpty = [...root.getKeys({ limit: 1 })].length === 0
  if (known === undefined && !isEmpty)
    throw new StoreFormatError(path, 'an LMDB database that is not of a session server')
  const meta = known ?? root.openDB<string, string>(options)
  if (meta.get(FORMAT) === undefined) {
    await meta.ifNoExists(FORMAT, () => {
      void meta.put(FORMAT, String(STORE_FORMAT), 1)
      void meta.put(NAME, name, 1)
      void meta.put(GENERATION, '', 1)
    })
    root.resetReadTxn()
  }
  const format = Number(meta.get(FORMAT))
  if (format !== STORE_FORMAT) {
    throw new StoreFormatError(path, `session copies of format ${format}, where ${STORE_FORMAT} was expected`)
  }
  const owner = meta.get(NAME)
  if (owner !== name) throw new StoreOwnerError(path, owner ?? '', name)
  return meta
}

/** Refuses what another process has open; after that only this opening can write. @returns its number */
async function takeOver(
  root: RootDatabase<Uint8Array, Uint8Array>,
  meta: MetaDatabase,
  path: string,
): Promise<number> {
  // Whoever has read is in the list until its process ends, and reading is what both do first.
  root.readerCheck()
  const other = /^\s*(\d+) /gm
  for (const [, pid] of root.readerList().matchAll(other)) {
    if (Number(pid) !== process.pid) throw new StoreLockedError(path, `is in use by process ${pid}`)
  }
  const before = meta.getEntry(GENERATION)?.version
  if (before === undefined) throw new StoreCorruptError(path, 'the number of its last opening is missing')
  const taken = await meta.put(GENERATION, '', before + 1, before)
  root.resetReadTxn()
  if (!taken) throw new StoreLockedError(path, 'is being opened by another session server')
  return before + 1
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

type MetaDatabase = Database<string, string>

const BYTES = { encoding: 'binary', keyEncoding: 'binary' } as const
/** Not made when it is missing. */
const EXISTING = { create: false }
const FORMAT = 'format'
const NAME = 'name'
/** Rises with each opening, as its version; a transaction of an earlier opening is refused. */
const GENERATION = 'generation'
