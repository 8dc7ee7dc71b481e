/** Follows the frames of a WebSocket (RFC 6455, 5.2) without looking at what is in them: where one ends, another may begin. */
import type { Bytes } from '../../transport/exchange-messages.js'

const OPCODE_MASK = 0x0f
const OPCODE_CLOSE = 0x8
const MASKED = 0x80
const LENGTH_MASK = 0x7f
/** Lengths that say how many bytes hold the real one. */
const LENGTH_16 = 126
const LENGTH_64 = 127
const TWO_TO_32 = 0x1_0000_0000

/** "Going away": the endpoint is going down (RFC 6455, 7.4.1). */
const GOING_AWAY = 1001
const GOING_AWAY_TEXT = 'going away'

/** One direction of a WebSocket. */
export class FrameTracker {
  /** A Close frame has begun: nothing may follow it. */
  closes = false
  readonly #header: number[] = []
  #payloadLeft = 0

  /** Whether everything so far is whole frames. */
  get atBoundary(): boolean {
    return this.#payloadLeft === 0 && this.#header.length === 0
  }

  /** @param from where to begin @returns the end of the first frame that ends in these bytes, or -1 */
  feed(bytes: Bytes, from = 0): number {
    let firstEnd = -1
    let at = from
    while (at < bytes.length) {
      if (this.#payloadLeft > 0) {
        const step = Math.min(this.#payloadLeft, bytes.length - at)
        this.#payloadLeft -= step
        at += step
      } else this.#headerByte(byteAt(bytes, at++))
      if (firstEnd === -1 && this.atBoundary) firstEnd = at
    }
    return firstEnd
  }

  #headerByte(byte: number): void {
    const header = this.#header
    if (header.length === 0 && (byte & OPCODE_MASK) === OPCODE_CLOSE) this.closes = true
    header.push(byte)
    if (header.length < headerSize(header[1])) return
    this.#payloadLeft = payloadSize(header)
    header.length = 0
  }
}

/** @returns a Close frame of a server: code 1001 */
export function goingAwayFrame(): string {
  const codeSize = 2
  const frame = Buffer.alloc(2 + codeSize + GOING_AWAY_TEXT.length)
  frame[0] = 0x80 | OPCODE_CLOSE
  frame[1] = codeSize + GOING_AWAY_TEXT.length
  frame.writeUInt16BE(GOING_AWAY, 2)
  frame.write(GOING_AWAY_TEXT, 4, 'latin1')
  return frame.toString('latin1')
}

function byteAt(bytes: Bytes, at: number): number {
  return typeof bytes === 'string' ? bytes.charCodeAt(at) : (bytes[at] ?? 0)
}

/** @param second the header's second byte, undefined while it is not here */
function headerSize(second: number | undefined): number {
  if (second === undefined) return 2
  const length = second & LENGTH_MASK
  const extension = length === LENGTH_64 ? 8 : length === LENGTH_16 ? 2 : 0
  return 2 + extension + ((second & MASKED) === 0 ? 0 : 4)
}

function payloadSize(header: readonly number[]): number {
  const length = (header[1] ?? 0) & LENGTH_MASK
  if (length === LENGTH_16) return bigEndian(header, 2, 4)
  if (length === LENGTH_64) return bigEndian(header, 2, 6) * TWO_TO_32 + bigEndian(header, 6, 10)
  return length
}

function bigEndian(bytes: readonly number[], from: number, to: number): number {
  return bytes.slice(from, to).reduce((value, byte) => value * 256 + byte, 0)
}
