/**
 * The crc32 (IEEE 802.3) of short texts. `zlib.crc32` is made for long ones: for the id of a session the way into native
 * code and back takes several times as long as the sum itself, and every request asks for it more than once.
 */
import { crc32 as zlibCrc32 } from 'node:zlib'

/** The polynomial with its bits reversed. */
const POLYNOMIAL = 0xedb88320
const ASCII_MAX = 0x7f

/** What each byte does to the sum. */
const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ POLYNOMIAL : sum >>> 1
  return sum
})

/** @returns the crc32 of the text's UTF-8 bytes, unsigned: the same as `zlib.crc32(text)` */
export function crc32(text: string): number {
  let sum = -1
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (code > ASCII_MAX) return zlibCrc32(text)
    sum = (TABLE[(sum ^ code) & 0xff] ?? 0) ^ (sum >>> 8)
  }
  return ~sum >>> 0
}
