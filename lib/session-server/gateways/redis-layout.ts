/**
 * How copies lie in a Redis. All keys of a partition carry the same hash tag, so that they are on one member of a
 * cluster and one script can change them together:
 *
 * - `{troupe:17}:s:ID` — a copy, see {@link encodeCopy}; Redis removes it by itself some time after its expiry
 * - `{troupe:17}:fence` — the highest epoch ever claimed; stays for ever
 * - `{troupe:17}:live`, `{troupe:17}:tombstones` — the ids by expiry (sorted sets), so that nothing ever needs a scan
 * - `{troupe:17}:bytes` — payload bytes of all copies
 */
import type { DigestEntry, SessionCopy } from '../../replication/copy.js'
import type { Epoch, Partition, SessionId, Version } from '../../replication/ids.js'

/** Digits of each number: all that a safe integer has, so that comparing texts compares numbers. */
const DIGITS = 16
/** Epoch and version: what orders copies. */
const STAMP_LENGTH = 2 * DIGITS
/** Epoch, version, expiry, and whether it is a tombstone. */
export const HEADER_LENGTH = 3 * DIGITS + 1

const LIVE = '+'
const TOMBSTONE = '-'

/** The keys of one partition. */
export interface PartitionKeys {
  readonly fence: string
  readonly live: string
  readonly tombstones: string
  readonly bytes: string
  /** The key of one copy. */
  copy(id: SessionId): string
}

/** @param prefix what tells the keys of this session server from all others */
export function keysOf(prefix: string, partition: Partition): PartitionKeys {
  const tag = `{${prefix}:${partition}}`
  return {
    fence: `${tag}:fence`,
    live: `${tag}:live`,
    tombstones: `${tag}:tombstones`,
    bytes: `${tag}:bytes`,
    copy: id => `${tag}:s:${id}`,
  }
}

/** @returns a number as Redis compares it: 16 digits */
export function encodeNumber(value: number): string {
  const whole = Math.min(Math.max(Math.ceil(value), 0), Number.MAX_SAFE_INTEGER)
  return String(whole).padStart(DIGITS, '0')
}

/** @returns the value of {@link encodeNumber}; 0 when there is none */
export function decodeNumber(digits: string | null): number {
  return digits === null ? 0 : Number(digits)
}

/** @returns a copy as one text: epoch, version, expiry, `+` or `-` for a tombstone, and the session's JSON */
export function encodeCopy({ epoch, version, expires, data }: SessionCopy): string {
  const header = encodeNumber(epoch) + encodeNumber(version) + encodeNumber(expires)
  return data === null ? header + TOMBSTONE : header + LIVE + data
}

/** @returns the copy that {@link encodeCopy} made */
export function decodeCopy(id: SessionId, text: string): SessionCopy {
  const isLive = text[HEADER_LENGTH - 1] === LIVE
  return {
    ...decodeStamp(id, text),
    expires: Number(text.slice(STAMP_LENGTH, HEADER_LENGTH - 1)),
    data: isLive ? text.slice(HEADER_LENGTH) : null,
  }
}

/** @returns where the session stands, by the beginning of its copy */
export function decodeStamp(id: SessionId, text: string): DigestEntry {
  return {
    id,
    epoch: Number(text.slice(0, DIGITS)) as Epoch,
    version: Number(text.slice(DIGITS, STAMP_LENGTH)) as Version,
  }
}
