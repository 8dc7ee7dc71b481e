/** What a stream is given to write, as bytes on their way to the front. */
import type { Bytes } from '../../transport/exchange-messages.js'

/** One write of a stream. */
export interface Written {
  readonly chunk: string | Buffer
  readonly encoding: BufferEncoding | undefined
}

/** How a stream is told that a write is done. */
export type Callback = (error?: Error | null) => void

/** Text stays text when each of its characters is one byte on the wire. */
export function toBytes(chunk: string | Buffer, encoding: BufferEncoding | undefined): Bytes {
  if (typeof chunk !== 'string') return chunk
  if (encoding === 'latin1' || encoding === 'binary' || encoding === 'ascii') return chunk
  if (Buffer.byteLength(chunk, encoding) === chunk.length && isUtf8(encoding)) return chunk
  return Buffer.from(chunk, encoding)
}

/** @returns several writes as one */
export function gather(parts: readonly Written[]): Bytes {
  const all = parts.map(part => toBytes(part.chunk, part.encoding))
  if (all.every(bytes => typeof bytes === 'string')) return all.length === 1 ? (all[0] ?? '') : all.join('')
  return Buffer.concat(all.map(bytes => (typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes)))
}

/** @returns what is left of bytes after the first so many */
export function rest(bytes: Bytes, from: number): Bytes {
  return typeof bytes === 'string' ? bytes.slice(from) : bytes.subarray(from)
}

function isUtf8(encoding: BufferEncoding | undefined): boolean {
  return encoding === undefined || encoding === null || encoding === 'utf8' || encoding === 'utf-8'
}
