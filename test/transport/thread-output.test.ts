/** What an app's thread prints and the main thread does not take. */
import { Writable } from 'node:stream'
import t from 'tap'
import { OUTPUT_WAITING_BYTES_MAX, sendOutputAtOnce } from '../../lib/transport/thread-output.js'

t.test(
  'a flood of short lines is bounded as one of long lines is: each costs more than its bytes',
  async t => {
    let taken = 0
    const stream = new Writable({
      writev: chunks => {
        // The main thread never asks for more.
        taken += chunks.length
      },
    })
    sendOutputAtOnce([stream])
    const lines = OUTPUT_WAITING_BYTES_MAX / 32
    for (let line = 0; line < lines; line++) stream.write('x\n')
    t.ok(taken > 10_000, `${taken} lines wait`)
    t.ok(taken < lines / 2, `${taken} lines of ${lines} wait`)
  },
)
