/** Bytes whose order can be checked: blocks that begin with their number. */

const BLOCK_BYTES = 64 * 1024

/** @param bytes how many @yields pieces of at most 64 KiB */
export function* pattern(bytes: number): Generator<Buffer> {
  for (let block = 0, left = bytes; left > 0; block++, left -= BLOCK_BYTES) {
    const piece = Buffer.alloc(Math.min(BLOCK_BYTES, left), block % 251)
    if (piece.length >= 4) piece.writeUInt32BE(block)
    yield piece
  }
}
