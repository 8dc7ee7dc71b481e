/**
 * One record of the journal, byte by byte: all changes of one commit. Numbers are doubles, strings lie one behind the
 * other in one text, so that a record is written with one call however many sessions it is about. A change of any of
 * this is a new `STORE_FORMAT`.
 */
import { crc32 } from 'node:zlib'
import type { SessionCopy } from '../../replication/copy.js'
import type { Epoch, Partition, SessionId, Version } from '../../replication/ids.js'

/**
 * Each record begins at a multiple of it, bytes: no write touches a page of the disk that holds an earlier record, so
 * that a write that is broken off damages nothing that was acknowledged.
 */
export const RECORD_ALIGNMENT = 4096

/** A buffer for records is kept for the next one up to this size, bytes. */
const KEPT_BYTES_MAX = 1024 * 1024
const KEPT_BYTES_MIN = 64 * 1024

/** One change, as it is read back. */
export type JournalEntry =
  | { readonly kind: 'set'; readonly partition: Partition; readonly copy: SessionCopy }
  | { readonly kind: 'delete'; readonly partition: Partition; readonly id: SessionId }
  | { readonly kind: 'fence'; readonly partition: Partition; readonly epoch: Epoch }

/** Collects the changes of a commit, in their order. */
export class JournalRecord {
  #buffer = new ArrayBuffer(KEPT_BYTES_MIN)
  #numbers = new Float64Array(this.#buffer)
  /** Numbers so far, the head among them. */
  #end = HEAD_NUMBERS
  #text = ''

  get isEmpty(): boolean {
    return this.#end === HEAD_NUMBERS
  }

  set({ id, epoch, version, expires, data }: SessionCopy, partition: Partition): void {
    this.#add(partition, epoch, version, expires, id, data === null ? TOMBSTONE : data.length)
    if (data !== null) this.#text += data
  }

  delete(id: SessionId, partition: Partition): void {
    this.#add(partition, 0, 0, 0, id, DELETED)
  }

  fence(partition: Partition, epoch: Epoch): void {
    this.#add(partition, epoch, 0, 0, '', FENCE)
  }

  /**
   * Ends this record, so that the next one can begin.
   * @param sequence its number
   * @returns its bytes, a multiple of {@link RECORD_ALIGNMENT}; good until the next change
   */
  seal(sequence: number): Uint8Array {
    const textFrom = this.#end * NUMBER_BYTES
    const textBytes = Buffer.byteLength(this.#text)
    const end = textFrom + textBytes
    const aligned = Math.ceil(end / RECORD_ALIGNMENT) * RECORD_ALIGNMENT
    this.#reserve(aligned)
    const bytes = Buffer.from(this.#buffer, 0, aligned)
    bytes.write(this.#text, textFrom)
    bytes.fill(0, end)
    const words = new Uint32Array(this.#buffer, 0, HEAD_NUMBERS * 2)
    this.#numbers[SEQUENCE] = sequence
    words[ENTRIES] = (this.#end - HEAD_NUMBERS) / ENTRY_NUMBERS
    words[TEXT_BYTES] = textBytes
    words[MAGIC] = MAGIC_NUMBER
    words[CHECKSUM] = crc32(bytes.subarray(CHECKED_FROM, end))
    this.#clear()
    return bytes
  }

  #add(
    partition: Partition,
    epoch: number,
    version: number,
    expires: number,
    id: string,
    dataLength: number,
  ): void {
    const at = this.#end
    this.#end += ENTRY_NUMBERS
    this.#reserve(this.#end * NUMBER_BYTES)
    const numbers = this.#numbers
    numbers[at] = partition
    numbers[at + 1] = epoch
    numbers[at + 2] = version
    numbers[at + 3] = expires
    numbers[at + 4] = id.length
    numbers[at + 5] = dataLength
    this.#text += id
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#buffer.byteLength) return
    const before = this.#numbers
    this.#buffer = new ArrayBuffer(
      Math.max(2 * before.byteLength, Math.ceil(bytes / NUMBER_BYTES) * NUMBER_BYTES),
    )
    this.#numbers = new Float64Array(this.#buffer)
    this.#numbers.set(before)
  }

  #clear(): void {
    this.#end = HEAD_NUMBERS
    this.#text = ''
    if (this.#buffer.byteLength <= KEPT_BYTES_MAX) return
    this.#buffer = new ArrayBuffer(KEPT_BYTES_MIN)
    this.#numbers = new Float64Array(this.#buffer)
  }
}

/** A sound record that was found. */
export interface FoundRecord {
  readonly sequence: number
  /** Without what fills it up to its alignment. */
  readonly bytes: Buffer
  /** Where the text begins in them: behind the numbers. */
  readonly textFrom: number
}

/** @returns the record at the beginning of the bytes; undefined when there is none, or not all of it */
export function recordAt(bytes: Buffer): FoundRecord | undefined {
  if (bytes.length < HEAD_BYTES) return undefined
  const words = new Uint32Array(copyOf(bytes.subarray(0, HEAD_BYTES)))
  if (words[MAGIC] !== MAGIC_NUMBER) return undefined
  const textFrom = HEAD_BYTES + (words[ENTRIES] ?? 0) * ENTRY_NUMBERS * NUMBER_BYTES
  const end = textFrom + (words[TEXT_BYTES] ?? 0)
  if (end > bytes.length || words[CHECKSUM] !== crc32(bytes.subarray(CHECKED_FROM, end))) return undefined
  const sequence = new Float64Array(words.buffer)[SEQUENCE] ?? 0
  return { sequence, bytes: bytes.subarray(0, end), textFrom }
}

/** @returns what a record says, in order */
export function* entriesOf({ bytes, textFrom }: FoundRecord): Generator<JournalEntry> {
  const numbers = new Float64Array(copyOf(bytes.subarray(HEAD_BYTES, textFrom)))
  const text = bytes.toString('utf8', textFrom)
  let read = 0
  for (let at = 0; at < numbers.length; at += ENTRY_NUMBERS) {
    const [partition, epoch, version, expires, idLength, dataLength] = numbers.subarray(
      at,
    ) as unknown as Fields
    const id = text.slice(read, read + idLength) as SessionId
    read += idLength
    if (dataLength === FENCE) yield { kind: 'fence', partition, epoch }
    else if (dataLength === DELETED) yield { kind: 'delete', partition, id }
    else {
      const data = dataLength === TOMBSTONE ? null : text.slice(read, read + dataLength)
      read += data?.length ?? 0
      yield { kind: 'set', partition, copy: { id, epoch, version, expires, data } }
    }
  }
}

/** Typed arrays want to begin at a multiple of their numbers. */
function copyOf(bytes: Buffer): ArrayBuffer {
  return Uint8Array.from(bytes).buffer
}

/** The numbers of an entry. Lengths are in characters of JavaScript's, so that the text is cut without a search. */
type Fields = [Partition, Epoch, Version, expires: number, idLength: number, dataLength: number]
const ENTRY_NUMBERS = 6
const NUMBER_BYTES = 8
/** In the place of the length of data. */
const TOMBSTONE = -1
const DELETED = -2
const FENCE = -3

/** The head: words of 4 bytes, and in the place of two of them the sequence as a double. In the machine's byte order. */
const MAGIC = 0
const CHECKSUM = 1
const ENTRIES = 2
const TEXT_BYTES = 3
const SEQUENCE = 2
const HEAD_NUMBERS = 3
const HEAD_BYTES = HEAD_NUMBERS * NUMBER_BYTES
/** The checksum is of everything from here on. */
const CHECKED_FROM = 8
/** With a zero byte, which no JSON text has: so no session can look like a record. */
const MAGIC_NUMBER = 0x54004a01
