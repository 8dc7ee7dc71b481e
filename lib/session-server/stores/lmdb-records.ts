/**
 * How copies lie on disk: the keys and values of the LMDB databases, byte by byte. Numbers are big-endian, so that
 * keys sort as their numbers do. A change of any of this is a new {@link STORE_FORMAT}.
 */
import { crc32 } from 'node:zlib'
import type { SessionCopy } from '../../replication/copy.js'
import type { Epoch, Partition, SessionId, Version } from '../../replication/ids.js'

/** Stands in the file; a file of another number is left alone. */
export const STORE_FORMAT = 2
/** The same without a journal: such a file goes on as one of the present format. */
export const STORE_FORMAT_BEFORE_JOURNAL = 1

/**
 * Expired copies are found by the end of the interval in which they expire, ms. So a copy may stay for that much
 * longer, and a session that is changed more often than that moves in the index only once in that time.
 */
export const EXPIRY_INTERVAL_MS = 10_000

/** A copy as a store holds it. */
export interface HeldCopy {
  readonly copy: SessionCopy
  /** Bytes of its data as UTF-8; 0 for a tombstone. */
  readonly bytes: number
}

/** What is kept of each partition: its fence, and counters of its copies. */
export interface PartitionRecord {
  readonly fence: Epoch
  readonly sessions: number
  readonly tombstones: number
  /** Bytes of session data. */
  readonly bytes: number
}

/** Key of a copy: partition (2 bytes), id. */
export function copyKey(partition: Partition, id: SessionId): Buffer {
  const key = Buffer.allocUnsafe(PARTITION_BYTES + Buffer.byteLength(id))
  key.writeUInt16BE(partition)
  key.write(id, PARTITION_BYTES)
  return key
}

/** @returns the first key that a copy of a partition can have; one further partition ends the range */
export function partitionKey(partition: number): Buffer {
  const key = Buffer.allocUnsafe(PARTITION_BYTES)
  key.writeUInt16BE(partition)
  return key
}

/** @returns the session of a {@link copyKey} */
export function idOfCopyKey(key: Uint8Array): SessionId {
  return bufferOf(key).toString('utf8', PARTITION_BYTES) as SessionId
}

/** @returns the number of the interval at whose end copies are swept that expire within it */
export function expiryInterval(expires: number): number {
  return Math.min(Math.max(Math.ceil(expires / EXPIRY_INTERVAL_MS), 0), INTERVAL_MAX)
}

/** Key in the expiry index: interval (6 bytes), then the key of the copy. The value is empty. */
export function expiryKey(interval: number, partition: Partition, id: SessionId): Buffer {
  return Buffer.concat([intervalKey(interval), copyKey(partition, id)])
}

/** @returns the first key of an interval; every key below it expires earlier */
export function intervalKey(interval: number): Buffer {
  const key = Buffer.allocUnsafe(INTERVAL_BYTES)
  key.writeUIntBE(interval, 0, INTERVAL_BYTES)
  return key
}

/** @returns the first interval that is not over. @param now ms since the Unix epoch */
export function intervalAfter(now: number): number {
  return Math.min(Math.floor(now / EXPIRY_INTERVAL_MS) + 1, INTERVAL_MAX)
}

/** @returns whose an {@link expiryKey} is */
export function ofExpiryKey(key: Uint8Array): { readonly partition: Partition; readonly id: SessionId } {
  const copy = bufferOf(key).subarray(INTERVAL_BYTES)
  return { partition: copy.readUInt16BE() as Partition, id: idOfCopyKey(copy) }
}

/** Value of a copy: checksum of the rest (4), kind (1), epoch, version, expires (8 each, doubles), data (UTF-8). */
export function encodeCopy({ copy, bytes }: HeldCopy): Buffer {
  const value = Buffer.allocUnsafe(HEADER_BYTES + bytes)
  value.writeUInt8(copy.data === null ? KIND_TOMBSTONE : KIND_SESSION, 4)
  value.writeDoubleBE(copy.epoch, 5)
  value.writeDoubleBE(copy.version, 13)
  value.writeDoubleBE(copy.expires, 21)
  if (copy.data !== null) value.write(copy.data, HEADER_BYTES)
  value.writeUInt32BE(crc32(value.subarray(CHECKSUM_BYTES)))
  return value
}

/** @returns undefined when the bytes are not what {@link encodeCopy} wrote */
export function decodeCopy(id: SessionId, stored: Uint8Array): HeldCopy | undefined {
  const value = bufferOf(stored)
  if (value.length < HEADER_BYTES || value.readUInt32BE() !== crc32(value.subarray(CHECKSUM_BYTES)))
    return undefined
  const copy: SessionCopy = {
    id,
    epoch: value.readDoubleBE(5) as Epoch,
    version: value.readDoubleBE(13) as Version,
    expires: value.readDoubleBE(21),
    data: value.readUInt8(4) === KIND_TOMBSTONE ? null : value.toString('utf8', HEADER_BYTES),
  }
  return { copy, bytes: value.length - HEADER_BYTES }
}

/** Value of a partition: fence (8, double), sessions (4), tombstones (4), bytes (8, double). */
export function encodePartition({ fence, sessions, tombstones, bytes }: PartitionRecord): Buffer {
  const value = Buffer.allocUnsafe(PARTITION_RECORD_BYTES)
  value.writeDoubleBE(fence, 0)
  value.writeUInt32BE(sessions, 8)
  value.writeUInt32BE(tombstones, 12)
  value.writeDoubleBE(bytes, 16)
  return value
}

/** @returns undefined when the bytes are not what {@link encodePartition} wrote */
export function decodePartition(stored: Uint8Array): PartitionRecord | undefined {
  const value = bufferOf(stored)
  if (value.length !== PARTITION_RECORD_BYTES) return undefined
  return {
    fence: value.readDoubleBE(0) as Epoch,
    sessions: value.readUInt32BE(8),
    tombstones: value.readUInt32BE(12),
    bytes: value.readDoubleBE(16),
  }
}

function bufferOf({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength)
}

const PARTITION_BYTES = 2
const INTERVAL_BYTES = 6
/** The largest number of {@link INTERVAL_BYTES}: some 89 million years. */
const INTERVAL_MAX = 2 ** 48 - 1
const CHECKSUM_BYTES = 4
const HEADER_BYTES = 29
const KIND_SESSION = 1
const KIND_TOMBSTONE = 2
const PARTITION_RECORD_BYTES = 24
