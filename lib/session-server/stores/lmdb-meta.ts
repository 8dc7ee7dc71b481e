/** What an LMDB file of copies says of itself: its format, whose it is, how often it was opened, what it has of the journal. */
import type { Database, RootDatabase } from 'lmdb'
import { StoreCorruptError, StoreFormatError, StoreLockedError, StoreOwnerError } from './lmdb-errors.js'
import { STORE_FORMAT, STORE_FORMAT_BEFORE_JOURNAL } from './lmdb-records.js'

export type MetaDatabase = Database<string, string>
type Root = RootDatabase<Uint8Array, Uint8Array>

/** Opens it, and makes it in an empty file. Nothing is written to one that is not ours. */
export async function openMeta(root: Root, path: string, name: string): Promise<MetaDatabase> {
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
  if (format !== STORE_FORMAT && format !== STORE_FORMAT_BEFORE_JOURNAL) {
    throw new StoreFormatError(path, `session copies of format ${format}, where ${STORE_FORMAT} was expected`)
  }
  const owner = meta.get(NAME)
  if (owner !== name) throw new StoreOwnerError(path, owner ?? '', name)
  return meta
}

/**
 * Refuses what another process has open; after that only this opening can write. A file of the format without a
 * journal has the present one from here on: who doesn't know the journal must not overlook it.
 * @returns its number
 */
export async function takeOver(root: Root, meta: MetaDatabase, path: string): Promise<number> {
  // Whoever has read is in the list until its process ends, and reading is what both do first.
  root.readerCheck()
  const other = /^\s*(\d+) /gm
  for (const [, pid] of root.readerList().matchAll(other)) {
    if (Number(pid) !== process.pid) throw new StoreLockedError(path, `is in use by process ${pid}`)
  }
  const before = meta.getEntry(GENERATION)?.version
  if (before === undefined) throw new StoreCorruptError(path, 'the number of its last opening is missing')
  const taken = await meta.ifVersion(GENERATION, before, () => {
    void meta.put(GENERATION, '', before + 1)
    void meta.put(FORMAT, String(STORE_FORMAT), 1)
  })
  root.resetReadTxn()
  if (!taken) throw new StoreLockedError(path, 'is being opened by another session server')
  return before + 1
}

/** @returns the number of the present opening */
export function generationOf(root: Root, meta: MetaDatabase): number | undefined {
  root.resetReadTxn()
  return meta.getEntry(GENERATION)?.version
}

/** Writes if nobody has opened the file since. @returns whether that was so */
export function ifStillOurs(meta: MetaDatabase, generation: number, write: () => void): Promise<boolean> {
  return meta.ifVersion(GENERATION, generation, write)
}

/** @returns the number of the last record of the journal of which everything is in its place; 0 for none */
export function placedOf(root: Root, meta: MetaDatabase): number {
  root.resetReadTxn()
  return meta.getEntry(PLACED)?.version ?? 0
}

/** Part of a transaction. */
export function setPlaced(meta: MetaDatabase, sequence: number): void {
  void meta.put(PLACED, '', sequence)
}

/** Not made when it is missing. */
const EXISTING = { create: false }
const FORMAT = 'format'
const NAME = 'name'
/** Rises with each opening, as its version; a transaction of an earlier opening is refused. */
const GENERATION = 'generation'
/** A number of the journal, as its version. */
const PLACED = 'placed'
