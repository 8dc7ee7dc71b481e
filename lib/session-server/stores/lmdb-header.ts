/**
 * Looks at an LMDB file before LMDB does: a file that is none, of another format, or cut off, ends the whole process
 * there (segmentation fault or bus error, seen with lmdb 3.5) where it should be an error.
 */
import { open } from 'node:fs/promises'
import { StoreCorruptError, StoreFormatError } from './lmdb-errors.js'

/** What {@link readHeader} found. */
export interface LmdbHeader {
  /** Size of the file, bytes. */
  readonly bytes: number
  /** Where its last page ends, bytes. A sound file is shorter only when its last pages are free ones. */
  readonly bytesUsed: number
}

/**
 * @param folder what messages name
 * @returns null when there is no file yet, or an empty one
 * @throws (as a rejection) StoreCorruptError, StoreFormatError, or what the system says
 */
export async function readHeader(file: string, folder: string): Promise<LmdbHeader | null> {
  const handle = await open(file).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (handle === null) return null
  try {
    const { size } = await handle.stat()
    if (size === 0) return null
    const read = async (position: number): Promise<Meta> => {
      const words = new BigUint64Array(META_END / 8)
      const { bytesRead } = await handle.read(words, 0, META_END, position)
      if (bytesRead < META_END) throw new StoreCorruptError(folder, `data.mdb is cut off after ${size} bytes`)
      return checkedMeta(words, folder)
    }
    const first = await read(0)
    const second = await read(first.pageBytes)
    const newest = second.transaction > first.transaction ? second : first
    return { bytes: size, bytesUsed: (Number(newest.lastPage) + 1) * first.pageBytes }
  } finally {
    await handle.close()
  }
}

/** One of the two pages that say where everything is; transactions write them in turn. */
interface Meta {
  readonly pageBytes: number
  readonly lastPage: bigint
  readonly transaction: bigint
}

function checkedMeta(words: BigUint64Array, folder: string): Meta {
  const halves = new Uint32Array(words.buffer)
  if (halves[MAGIC / 4] !== MAGIC_NUMBER) throw new StoreCorruptError(folder, 'data.mdb is no LMDB file')
  // The upper half is a count of its own that LMDB does not compare either.
  const version = (halves[VERSION / 4] ?? 0) & 0xffff
  if (version !== DATA_VERSION) {
    throw new StoreFormatError(
      folder,
      `an LMDB file of format ${version}, where ${DATA_VERSION} was expected`,
    )
  }
  const pageBytes = halves[PAGE_BYTES / 4] ?? 0
  if (pageBytes < META_END) throw new StoreCorruptError(folder, `data.mdb claims pages of ${pageBytes} bytes`)
  return { pageBytes, lastPage: words[LAST_PAGE / 8] ?? 0n, transaction: words[TRANSACTION / 8] ?? 0n }
}

// Offsets in a page of LMDB's data format 2 (MDB_page_header and MDB_meta in mdb.c), in the machine's byte order.
const MAGIC = 24
const VERSION = 28
const PAGE_BYTES = 48
const LAST_PAGE = 144
const TRANSACTION = 152
const META_END = 160
const MAGIC_NUMBER = 0xbeefc0de
const DATA_VERSION = 2
