/**
 * A queue of mutations in memory that an owner and a replica of the same process share. What an owner has written into
 * it is held by the replica at once, without a message there and an answer back: it outlives the owner's thread, and the
 * replica takes everything out of all its logs before it lets anybody else own a partition, or answers anything. One
 * writer, one reader; the numbers of both sides are read and written in one order that all threads agree on (Atomics).
 *
 * A ring of records, each of them contiguous and a multiple of 8 bytes long: six numbers of 4 bytes, four of 8, the id and
 * the data in UTF-8.
 */
import type { Mutation } from '../replication/copy.js'
import type { Epoch, Partition, SessionId, Version } from '../replication/ids.js'

/** Room for 2,000 mutations of small sessions, and for several of the largest by default. A power of two. */
const DATA_BYTES = 1024 * 1024
/** The longest id that goes through a log, characters; Troupe's own have 32. */
const ID_LENGTH_MAX = 256
/** Bytes that one character takes at most in UTF-8: as long as a text is small, it need not be measured for its room. */
const CHARACTER_BYTES_MAX = 3
const SMALL_TEXT_LENGTH_MAX = 4096

/** Numbers of 4 bytes at the beginning: bytes ever written and ever taken, both modulo 2 to the power of 32. */
const WRITTEN = 0
const TAKEN = 1
/** Not 0 when the reader takes nothing out any more. */
const CLOSED = 2
const HEADER_BYTES = 64

/** Of a record, in numbers of 4 bytes: its length in bytes, 0 where the ring goes on at its beginning. */
const LENGTH = 0
const PARTITION = 1
/** Bytes and characters of the id, then of the data: where both are the same it is ASCII. */
const ID_BYTES = 2
const ID_LENGTH = 3
const TEXT_BYTES = 4
const TEXT_LENGTH = 5
/** Of a record, in numbers of 8 bytes. */
const EPOCH = 3
const VERSION = 4
const EXPIRES = 5
const AUTHORITY = 6
const RECORD_BYTES = 56
/** In place of the length of the data: a destroyed session has none. */
const NO_TEXT = 0xffffffff

/**
 * @param bytes of its ring: a power of two, 64 at least
 * @returns memory for one log, empty
 */
export function createMutationLog(bytes = DATA_BYTES): SharedArrayBuffer {
  return new SharedArrayBuffer(HEADER_BYTES + bytes)
}

/** The same memory seen as what lies in it. */
class Views {
  readonly head: Int32Array
  readonly words: Uint32Array
  readonly numbers: Float64Array
  readonly text: Buffer
  /** Of the ring. */
  readonly bytes: number

  constructor(memory: SharedArrayBuffer) {
    this.bytes = memory.byteLength - HEADER_BYTES
    this.head = new Int32Array(memory, 0, HEADER_BYTES / Int32Array.BYTES_PER_ELEMENT)
    this.words = new Uint32Array(memory, HEADER_BYTES)
    this.numbers = new Float64Array(memory, HEADER_BYTES)
    this.text = Buffer.from(memory, HEADER_BYTES)
  }
}

/** The owner's end. */
export class MutationLogWriter {
  readonly #views: Views
  /** As in the header, which only this end writes. */
  #written = 0

  constructor(memory: SharedArrayBuffer) {
    this.#views = new Views(memory)
    this.#written = Atomics.load(this.#views.head, WRITTEN)
  }

  /** Whether the reader takes nothing out any more: what was appended before this was false is going to be taken out. */
  get isClosed(): boolean {
    return Atomics.load(this.#views.head, CLOSED) !== 0
  }

  /** Appends all of these. @returns false when there is no room, or one of them has no place in a log: then none is */
  append(mutations: readonly Mutation[]): boolean {
    const { head, bytes, words } = this.#views
    const end = (Atomics.load(head, TAKEN) + bytes) | 0
    let at = this.#written
    for (const mutation of mutations) {
      if (mutation.id.length > ID_LENGTH_MAX) return false
      const bytesMax = bytesMaxOf(mutation)
      const from = at & (bytes - 1)
      const untilEnd = bytes - from
      const skipped = bytesMax > untilEnd ? untilEnd : 0
      if (skipped + bytesMax > ((end - at) | 0)) return false
      if (skipped > 0) words[from >> 2] = 0
      at = (at + skipped + this.#write(skipped > 0 ? 0 : from, mutation)) | 0
    }
    this.#written = at
    Atomics.store(head, WRITTEN, at)
    return true
  }

  /** @returns the length of the record */
  #write(from: number, { id, partition, epoch, version, expires, data, authority }: Mutation): number {
    const { words, numbers, text } = this.#views
    const word = from >> 2
    const number = from >> 3
    const idBytes = text.write(id, from + RECORD_BYTES, 'utf8')
    const textBytes = data === null ? 0 : text.write(data, from + RECORD_BYTES + idBytes, 'utf8')
    const length = aligned(RECORD_BYTES + idBytes + textBytes)
    words[word + LENGTH] = length
    words[word + PARTITION] = partition
    words[word + ID_BYTES] = idBytes
    words[word + ID_LENGTH] = id.length
    words[word + TEXT_BYTES] = textBytes
    words[word + TEXT_LENGTH] = data === null ? NO_TEXT : data.length
    numbers[number + EPOCH] = epoch
    numbers[number + VERSION] = version
    numbers[number + EXPIRES] = expires
    numbers[number + AUTHORITY] = authority
    return length
  }
}

/** The replica's end. */
export class MutationLogReader {
  readonly #views: Views

  constructor(memory: SharedArrayBuffer) {
    this.#views = new Views(memory)
  }

  /** Takes out what is in the log, in the order in which it was appended. */
  take(into: Mutation[]): void {
    const { head, words, bytes } = this.#views
    const end = Atomics.load(head, WRITTEN)
    const begin = Atomics.load(head, TAKEN)
    if (begin === end) return
    let at = begin
    while (at !== end) {
      const from = at & (bytes - 1)
      const length = words[from >> 2] ?? 0
      if (length === 0) {
        at = (at + bytes - from) | 0
        continue
      }
      into.push(this.#read(from))
      at = (at + length) | 0
    }
    Atomics.store(head, TAKEN, end)
  }

  /** Nothing that is appended from here on counts as held. What was before is still to be taken out. */
  close(): void {
    Atomics.store(this.#views.head, CLOSED, 1)
  }

  #read(from: number): Mutation {
    const { words, numbers } = this.#views
    const word = from >> 2
    const number = from >> 3
    const idBytes = words[word + ID_BYTES] ?? 0
    const textLength = words[word + TEXT_LENGTH] ?? 0
    const idFrom = from + RECORD_BYTES
    return {
      id: this.#text(idFrom, idBytes, words[word + ID_LENGTH] ?? 0) as SessionId,
      partition: (words[word + PARTITION] ?? 0) as Partition,
      epoch: (numbers[number + EPOCH] ?? 0) as Epoch,
      version: (numbers[number + VERSION] ?? 0) as Version,
      expires: numbers[number + EXPIRES] ?? 0,
      data:
        textLength === NO_TEXT
          ? null
          : this.#text(idFrom + idBytes, words[word + TEXT_BYTES] ?? 0, textLength),
      authority: (numbers[number + AUTHORITY] ?? 0) as Epoch,
    }
  }

  #text(from: number, bytes: number, length: number): string {
    const { text } = this.#views
    // ASCII is read faster as Latin-1.
    return text.toString(bytes === length ? 'latin1' : 'utf8', from, from + bytes)
  }
}

function bytesMaxOf({ id, data }: Mutation): number {
  return aligned(RECORD_BYTES + CHARACTER_BYTES_MAX * id.length + textBytesMaxOf(data ?? ''))
}

function textBytesMaxOf(text: string): number {
  return text.length <= SMALL_TEXT_LENGTH_MAX ? CHARACTER_BYTES_MAX * text.length : Buffer.byteLength(text)
}

function aligned(bytes: number): number {
  return (bytes + 7) & ~7
}
