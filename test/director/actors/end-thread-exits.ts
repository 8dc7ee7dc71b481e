/** Exits while a thread of its own is in code that must not be broken off; the thread tells when it has come out. */
import { writeSync } from 'node:fs'
import { isMainThread, Worker, workerData } from 'node:worker_threads'
import { guardAtExit } from '../../../lib/director/actors/end-thread.js'
import { createEndGate, EndGate } from '../../../lib/transport/end-gate.js'

/** Long beside what an exit takes, ms. */
const INSIDE_MS = 300

if (isMainThread) {
  const gate = createEndGate()
  guardAtExit(gate)
  new Worker(new URL(import.meta.url), { workerData: gate })
  while (Atomics.load(new Int32Array(gate), 0) === 0) Atomics.wait(new Int32Array(gate), 0, 0, 1)
  process.exit(7)
} else {
  new EndGate(workerData).run(() => {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, INSIDE_MS)
    writeSync(1, 'out')
  })
}
