import t from 'tap'
import * as ws from 'ws'
import { FrameTracker, goingAwayFrame } from '../../../lib/web-server/http/websocket-frames.js'

/** @returns a frame as a server, or a client, sends it */
function frame(payload: Buffer, options: { opcode?: number; fin?: boolean; mask?: boolean } = {}): Buffer {
  const { opcode = 2, fin = true, mask = false } = options
  // Its types do not know of it.
  const { Sender } = ws as unknown as { Sender: { frame(data: Buffer, options: object): Buffer[] } }
  return Buffer.concat(Sender.frame(Buffer.from(payload), { opcode, fin, mask, readOnly: true, rsv1: false }))
}

const SIZES = [0, 1, 125, 126, 127, 65_535, 65_536, 200_000]

t.test('the end of each frame is found, however the bytes are cut', async t => {
  for (const mask of [false, true]) {
    const frames = SIZES.map(size => frame(Buffer.alloc(size, 0x88), { mask, fin: size !== 1 }))
    const stream = Buffer.concat(frames)
    const ends = new Set<number>()
    frames.reduce((at, each) => {
      ends.add(at + each.length)
      return at + each.length
    }, 0)
    for (const step of [1, 2, 3, 7, 1000, stream.length]) {
      const tracker = new FrameTracker()
      for (let at = 0; at < stream.length; at += step) {
        const piece = stream.subarray(at, at + step)
        const end = tracker.feed(step === 7 ? piece.toString('latin1') : piece)
        const expected = [...ends].find(each => each > at && each <= at + piece.length)
        if (end !== (expected === undefined ? -1 : expected - at)) t.fail(`${at} in steps of ${step}: ${end}`)
        if (tracker.atBoundary !== ends.has(at + piece.length)) t.fail(`${at} in steps of ${step}`)
      }
      t.ok(tracker.atBoundary)
      t.notOk(tracker.closes, 'what is in the frames does not count')
    }
  }
})

t.test('a Close frame is noticed when it begins', async t => {
  const tracker = new FrameTracker()
  tracker.feed(frame(Buffer.from('text'), { opcode: 1 }))
  t.notOk(tracker.closes)
  tracker.feed(goingAwayFrame().slice(0, 1))
  t.ok(tracker.closes)
  t.notOk(tracker.atBoundary)
  t.equal(
    goingAwayFrame(),
    frame(Buffer.from('\u0003\u00e9going away', 'latin1'), { opcode: 8 }).toString('latin1'),
  )
})
