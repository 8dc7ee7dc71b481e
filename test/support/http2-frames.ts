/** HTTP/2 frame by frame, for what no well-behaved client does. */
import type { Socket } from 'node:net'

/** Types of frames (RFC 9113, 6). */
export const FRAME = { data: 0, headers: 1, rstStream: 3, settings: 4, goaway: 7 } as const

/** END_STREAM and END_HEADERS: a request without a body. */
export const WHOLE_REQUEST = 0x05

/** One frame. */
export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export function frame(
  type: number,
  flags: number,
  stream: number,
  payload: Uint8Array = Buffer.alloc(0),
): Buffer {
  const head = Buffer.alloc(9)
  head.writeUIntBE(payload.length, 0, 3)
  head.writeUInt8(type, 3)
  head.writeUInt8(flags, 4)
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

/** How every client begins. */
export const PREFACE = Buffer.concat([
  Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
  frame(FRAME.settings, 0, 0),
])

/** GET https://a and a path, as HPACK has it: two from the static table, two with literal values. */
export function getHeaders(path: string): Buffer {
  const literal = (index: number, value: string) =>
    Buffer.concat([Buffer.from([index, value.length]), Buffer.from(value)])
  return Buffer.concat([Buffer.from([0x82, 0x87]), literal(0x01, 'a'), literal(0x04, path)])
}

/** Calls back with each frame that arrives. */
export function onFrames(socket: Socket, onFrame: (frame: Frame) => void): void {
  let bytes: Buffer = Buffer.alloc(0)
  socket.on('data', (chunk: Buffer) => {
    bytes = Buffer.concat([bytes, chunk])
    while (bytes.length >= 9 && bytes.length >= 9 + bytes.readUIntBE(0, 3)) {
      const end = 9 + bytes.readUIntBE(0, 3)
      onFrame({
        type: bytes.readUInt8(3),
        flags: bytes.readUInt8(4),
        stream: bytes.readUInt32BE(5),
        payload: bytes.subarray(9, end),
      })
      bytes = bytes.subarray(end)
    }
  })
}
