/** How bytes are packed into messages: short ones as text, long ones as an array that is transferred, not copied. */
import type { Bytes } from './exchange-messages.js'

/** Up to this size a latin1 string is cheaper to post than an array buffer with its transfer, bytes. */
export const TEXT_BYTES = 4 * 1024

/**
 * @param chunk any view; it is copied, since a Buffer is often a slice of a pool that must not be transferred
 * @returns text when it is short, otherwise an array that owns exactly its buffer
 */
export function packBytes(chunk: Uint8Array): Bytes {
  if (chunk.byteLength > TEXT_BYTES) return new Uint8Array(chunk)
  const buffer = Buffer.isBuffer(chunk)
    ? chunk
    : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength)
  return buffer.toString('latin1')
}

/** @returns the buffer to transfer along with bytes made by {@link packBytes}, undefined for text. */
export function transferOf(bytes: Bytes | null): ArrayBuffer | undefined {
  if (bytes === null || typeof bytes === 'string') return undefined
  return bytes.buffer as ArrayBuffer
}

/** @returns the size of packed bytes. */
export function sizeOf(bytes: Bytes): number {
  return bytes.length
}

/** @returns packed bytes as a Buffer over the same memory where there is one. */
export function bufferOf(bytes: Bytes): Buffer {
  return typeof bytes === 'string'
    ? Buffer.from(bytes, 'latin1')
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
