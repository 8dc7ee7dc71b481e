/**
 * Copies of sessions as bytes outside of the JavaScript heap: whatever their number, the garbage collector has nothing
 * to look at, and a copy that replaces another leaves nothing to collect. Pages of equal cells, in classes of size
 * that lie an eighth apart, so that a sixteenth of a cell is unused on average.
 */
import type { SessionCopy, Stamp } from '../../replication/copy.js'
import type { Epoch, Version } from '../../replication/ids.js'

/** Where a record lies; another may lie there once it was removed. A small integer up to 128 GiB of records. */
export type RecordRef = number

/** Small, since a store has one for each size that a session of it has had. */
const PAGE_BYTES = 256 * 1024
const CELL_BYTES_MIN = 64
/** Larger records have a page each. */
const CELL_BYTES_MAX = 64 * 1024
const CELLS_PER_PAGE_MAX = PAGE_BYTES / CELL_BYTES_MIN
/** Classes of size for each doubling of it. */
const CLASSES_PER_DOUBLING = 8

/** The fields of a record, numbers of 8 bytes at the beginning of its cell. The text follows. */
const EPOCH = 0
const VERSION = 1
const EXPIRES = 2
/** Bytes of the text: negative when some character of it is not ASCII, {@link TOMBSTONE} when there is none. */
const LENGTH = 3
const FIELDS = 4
const NUMBER_BYTES = 8
const HEADER_BYTES = FIELDS * NUMBER_BYTES
const TOMBSTONE = Number.NaN

/** Of a free cell: the next free one of its page, in the place of its first field. */
const NEXT_FREE = 0
const NO_CELL = -1

interface Page {
  readonly number: number
  readonly cellBytes: number
  readonly text: Buffer
  readonly numbers: Float64Array
  used: number
  /** The first cell that was given back. */
  free: number
  /** Cells from here on were never used. */
  untouched: number
}

export class CopyRecords {
  readonly #pages: (Page | undefined)[] = []
  readonly #pageNumbers: number[] = []
  /** Pages with a free cell, by the size of their cells. */
  readonly #roomy = new Map<number, Set<Page>>()

  /**
   * Writes a copy, in place of another where it fits.
   * @param before what it replaces; gone afterwards unless it is what is returned
   * @throws RangeError when the system has no memory left; nothing is changed then
   */
  write({ epoch, version, expires, data }: SessionCopy, before?: RecordRef): RecordRef {
    const textBytes = data === null ? 0 : Buffer.byteLength(data)
    const cellBytes = cellBytesFor(HEADER_BYTES + textBytes)
    const fits = before !== undefined && this.#pageOf(before).cellBytes === cellBytes
    const ref = fits ? before : this.#allocate(cellBytes)
    const { numbers, text } = this.#pageOf(ref)
    const from = cellOf(ref) * cellBytes
    const fields = from / NUMBER_BYTES
    numbers[fields + EPOCH] = epoch
    numbers[fields + VERSION] = version
    numbers[fields + EXPIRES] = expires
    if (data === null) numbers[fields + LENGTH] = TOMBSTONE
    else if (textBytes === data.length) {
      numbers[fields + LENGTH] = textBytes
      text.write(data, from + HEADER_BYTES, textBytes, 'latin1')
    } else {
      numbers[fields + LENGTH] = -textBytes
      text.write(data, from + HEADER_BYTES, textBytes, 'utf8')
    }
    if (before !== undefined && !fits) this.remove(before)
    return ref
  }

  remove(ref: RecordRef): void {
    const page = this.#pageOf(ref)
    const cell = cellOf(ref)
    page.numbers[(cell * page.cellBytes) / NUMBER_BYTES + NEXT_FREE] = page.free
    page.free = cell
    page.used--
    if (page.used === 0) this.#giveBack(page)
    else this.#roomyOf(page.cellBytes).add(page)
  }

  stamp(ref: RecordRef): Stamp {
    return { epoch: this.#field(ref, EPOCH) as Epoch, version: this.#field(ref, VERSION) as Version }
  }

  /** ms since the Unix epoch. */
  expires(ref: RecordRef): number {
    return this.#field(ref, EXPIRES)
  }

  isTombstone(ref: RecordRef): boolean {
    return Number.isNaN(this.#field(ref, LENGTH))
  }

  /** Of the text in UTF-8; 0 for a tombstone. */
  textBytes(ref: RecordRef): number {
    const length = this.#field(ref, LENGTH)
    return Number.isNaN(length) ? 0 : Math.abs(length)
  }

  /** The JSON text, or null of a tombstone. */
  data(ref: RecordRef): string | null {
    const length = this.#field(ref, LENGTH)
    if (Number.isNaN(length)) return null
    const { cellBytes, text } = this.#pageOf(ref)
    const from = cellOf(ref) * cellBytes + HEADER_BYTES
    return length >= 0
      ? text.toString('latin1', from, from + length)
      : text.toString('utf8', from, from - length)
  }

  #field(ref: RecordRef, field: number): number {
    const { numbers, cellBytes } = this.#pageOf(ref)
    return numbers[(cellOf(ref) * cellBytes) / NUMBER_BYTES + field] ?? 0
  }

  #allocate(cellBytes: number): RecordRef {
    const roomy = this.#roomyOf(cellBytes)
    const page = firstOf(roomy) ?? this.#newPage(cellBytes)
    const isReused = page.free !== NO_CELL
    const cell = isReused ? page.free : page.untouched++
    if (isReused) page.free = page.numbers[(cell * cellBytes) / NUMBER_BYTES + NEXT_FREE] ?? NO_CELL
    page.used++
    if (page.free === NO_CELL && page.untouched === cellsOf(page)) roomy.delete(page)
    return page.number * CELLS_PER_PAGE_MAX + cell
  }

  #newPage(cellBytes: number): Page {
    const bytes = new ArrayBuffer(Math.max(PAGE_BYTES, cellBytes))
    const number = this.#pageNumbers.pop() ?? this.#pages.length
    const page: Page = {
      number,
      cellBytes,
      text: Buffer.from(bytes),
      numbers: new Float64Array(bytes, 0, Math.floor(bytes.byteLength / NUMBER_BYTES)),
      used: 0,
      free: NO_CELL,
      untouched: 0,
    }
    this.#pages[number] = page
    this.#roomyOf(cellBytes).add(page)
    return page
  }

  #giveBack(page: Page): void {
    this.#pages[page.number] = undefined
    this.#pageNumbers.push(page.number)
    const roomy = this.#roomyOf(page.cellBytes)
    roomy.delete(page)
    if (roomy.size === 0) this.#roomy.delete(page.cellBytes)
  }

  #roomyOf(cellBytes: number): Set<Page> {
    let roomy = this.#roomy.get(cellBytes)
    if (roomy === undefined) {
      roomy = new Set()
      this.#roomy.set(cellBytes, roomy)
    }
    return roomy
  }

  #pageOf(ref: RecordRef): Page {
    const page = this.#pages[Math.floor(ref / CELLS_PER_PAGE_MAX)]
    if (page === undefined) throw new RangeError(`there is no record at ${ref}: it was removed`)
    return page
  }
}

function cellOf(ref: RecordRef): number {
  return ref % CELLS_PER_PAGE_MAX
}

function cellsOf({ cellBytes }: Page): number {
  return cellBytes > CELL_BYTES_MAX ? 1 : Math.floor(PAGE_BYTES / cellBytes)
}

/** @returns the smallest size of a cell that has room for so much; a multiple of 8 */
function cellBytesFor(bytes: number): number {
  if (bytes <= CELL_BYTES_MIN) return CELL_BYTES_MIN
  if (bytes > CELL_BYTES_MAX) return Math.ceil(bytes / NUMBER_BYTES) * NUMBER_BYTES
  const half = 2 ** (31 - Math.clz32(bytes - 1))
  const step = half / CLASSES_PER_DOUBLING
  return half + Math.ceil((bytes - half) / step) * step
}

function firstOf<T>(values: ReadonlySet<T>): T | undefined {
  for (const value of values) return value
  return undefined
}
