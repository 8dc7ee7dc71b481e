/**
 * The journal of a store: every commit is one record here, written and flushed at once, which is far cheaper than to
 * write each session to its place on disk. Two files take turns: while the sessions of one are written to their places,
 * the other takes new records; after that the first begins anew, in the space that it has.
 *
 * It is written on this thread: a write takes a tenth of a millisecond on a usual disk, hardly more than handing it to
 * another thread, and never waits behind what an app does on libuv's. Until it is flushed there is nothing to answer.
 */
import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  writeSync,
  writevSync,
} from 'node:fs'
import { open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type FoundRecord, type JournalRecord, RECORD_ALIGNMENT, recordAt } from './journal-record.js'
import { StoreCorruptError } from './lmdb-errors.js'

/** A file grows by so much, bytes: a write that makes a file longer costs twice what one within it does. */
const GROWTH_BYTES = 1024 * 1024
/** A file that has become longer, bytes, by a large commit or behind a slow disk, gives the rest back. */
const KEPT_BYTES_MAX = 16 * 1024 * 1024

/** One of the two files. */
interface Part {
  readonly descriptor: number
  /** Up to here it is there on the disk, bytes. */
  length: number
}

export class Journal {
  readonly #parts: readonly [Part, Part]
  #current: Part
  #position = 0
  #sequence: number

  /**
   * Makes an empty one.
   * @param opening the number of the store's opening: each has files of its own, so that none writes to another's
   * @param sequence the last one that was used
   */
  static async create(folder: string, opening: number, sequence: number): Promise<Journal> {
    const parts = [0, 1].map(part => {
      const file = join(folder, `${PREFIX}${opening}.${part}`)
      return { descriptor: openSync(file, FLAGS, 0o600), length: 0 }
    })
    await syncFolder(folder)
    return new Journal(parts as [Part, Part], sequence)
  }

  private constructor(parts: readonly [Part, Part], sequence: number) {
    this.#parts = parts
    this.#current = parts[0]
    this.#sequence = sequence
  }

  /** Bytes of the records since the last {@link turn}. */
  get bytes(): number {
    return this.#position
  }

  /** Writes and flushes. @throws what the system says; nothing may be appended after that */
  append(record: JournalRecord): void {
    const bytes = record.seal(this.#sequence + 1)
    const part = this.#current
    const end = this.#position + bytes.length
    let written = 0
    if (end > part.length) {
      const length = Math.ceil(end / GROWTH_BYTES) * GROWTH_BYTES
      written = writevSync(part.descriptor, [bytes, ZEROS.subarray(0, length - end)], this.#position)
      part.length = this.#position + Math.max(written, bytes.length)
    }
    while (written < bytes.length)
      written += writeSync(part.descriptor, bytes, written, bytes.length - written, this.#position + written)
    if (!FLUSHES_WITH_EACH_WRITE) fdatasyncSync(part.descriptor)
    this.#position = end
    this.#sequence++
  }

  /**
   * The other file takes what comes now. What it had must be in its place on disk, or is lost.
   * @returns the number of the last record so far
   */
  turn(): number {
    const [first, second] = this.#parts
    this.#current = this.#current === first ? second : first
    this.#position = 0
    if (this.#current.length > KEPT_BYTES_MAX) {
      ftruncateSync(this.#current.descriptor)
      this.#current.length = 0
    }
    return this.#sequence
  }

  close(): void {
    for (const { descriptor } of this.#parts) closeSync(descriptor)
  }
}

/**
 * @param after the number of the last record of which everything is in its place
 * @returns the records after it, in order
 * @throws (as a rejection) StoreCorruptError when one is missing between others, or what the system says
 */
export async function readJournal(folder: string, after: number): Promise<readonly FoundRecord[]> {
  const files = await journalFiles(folder)
  const found = (await Promise.all(files.map(async file => recordsIn(await readFile(file))))).flat()
  // A file that began anew has older ones behind the last one that counts.
  const records = found.filter(({ sequence }) => sequence > after).sort((a, b) => a.sequence - b.sequence)
  for (const [index, { sequence }] of records.entries()) {
    if (sequence !== after + 1 + index)
      throw new StoreCorruptError(folder, `record ${after + 1 + index} of the journal can't be read`)
  }
  return records
}

/** Removes all that there is, for good. */
export async function removeJournal(folder: string): Promise<void> {
  for (const file of await journalFiles(folder)) await rm(file)
}

async function journalFiles(folder: string): Promise<string[]> {
  const names = await readdir(folder)
  return names.filter(name => name.startsWith(PREFIX)).map(name => join(folder, name))
}

/** Beyond a place where no record is, others may be: the one there was damaged, or its write broken off. */
function recordsIn(file: Buffer): FoundRecord[] {
  const records: FoundRecord[] = []
  for (let position = 0; position < file.length; ) {
    const record = recordAt(file.subarray(position))
    if (record !== undefined) records.push(record)
    position += Math.ceil((record?.bytes.length ?? 1) / RECORD_ALIGNMENT) * RECORD_ALIGNMENT
  }
  return records
}

/** A file is found after a power cut only if its name is on the disk, too. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    fsyncSync(handle.fd)
  } finally {
    await handle.close()
  }
}

const PREFIX = 'journal.'
const ZEROS = new Uint8Array(GROWTH_BYTES)
/** One call in place of two, where the system means by it what fdatasync does. */
const FLUSHES_WITH_EACH_WRITE = process.platform === 'linux'
const FLAGS =
  constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC | (FLUSHES_WITH_EACH_WRITE ? constants.O_DSYNC : 0)
