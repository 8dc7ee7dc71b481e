import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import t from 'tap'
import { closeEndGate, createEndGate, EndGate, endGateIsClear } from '../../lib/transport/end-gate.js'

t.test('a thread may be ended at once when nobody is behind its gate', async t => {
  const buffer = createEndGate()
  const gate = new EndGate(buffer)
  t.equal(
    gate.run(() => 'done'),
    'done',
  )
  t.throws(() => gate.run(() => JSON.parse('no')), SyntaxError, 'what fails has left, too')
  t.equal(closeEndGate(buffer), true)
  t.equal(closeEndGate(buffer), true, 'also when asked again')
})

t.test('a thread is not ended before all that went in have come out', async t => {
  const buffer = createEndGate()
  const gate = new EndGate(buffer)
  let finish: () => void = () => undefined
  const held = gate.hold(() => new Promise<void>(resolve => (finish = resolve)))
  t.equal(closeEndGate(buffer), false)
  let isClear = false
  const clear = endGateIsClear(buffer).then(() => {
    isClear = true
  })
  gate.run(() => undefined)
  await new Promise(resolve => setImmediate(resolve))
  t.equal(isClear, false)
  finish()
  await held
  await clear
})

t.test('a walk leaves the gate open between its steps, and ends what it walks through', async t => {
  const buffer = createEndGate()
  const gate = new EndGate(buffer)
  let ended = false
  function* numbers(): Generator<number> {
    try {
      yield 1
      yield 2
    } finally {
      ended = true
    }
  }
  t.strictSame([...gate.each(numbers())], [1, 2])
  ended = false
  for (const number of gate.each(numbers())) if (number === 1) break
  t.equal(ended, true)
  for (const _ of gate.each(numbers())) {
    t.equal(closeEndGate(buffer), true)
    // From here on nothing could go in any more, this thread included.
    new Int32Array(buffer).fill(0)
  }
})

t.test('a thread whose gate was closed does not get in, and can still be ended', async t => {
  const buffer = createEndGate()
  const inside = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)
  const module = new URL('../../lib/transport/end-gate.js', import.meta.url).href
  const thread = new Worker(
    `import(${JSON.stringify(module)}).then(({ EndGate }) => {
       const { parentPort, workerData } = require('node:worker_threads')
       const inside = new Int32Array(workerData.inside)
       parentPort.once('message', () => new EndGate(workerData.gate).run(() => Atomics.add(inside, 0, 1)))
       parentPort.postMessage('ready')
     })`,
    { eval: true, workerData: { gate: buffer, inside } },
  )
  await once(thread, 'message')
  t.equal(closeEndGate(buffer), true)
  thread.postMessage('go in')
  const exit = once(thread, 'exit')
  await new Promise(resolve => setTimeout(resolve, 20))
  await thread.terminate()
  await exit
  t.equal(new Int32Array(inside)[0], 0)
})

t.test('who asks is told when nothing is behind the gate any more', async t => {
  const gate = new EndGate(createEndGate())
  await gate.left()
  let goOn: () => void = () => undefined
  let left = false
  const holding = gate.hold(() => new Promise<void>(resolve => (goOn = resolve)))
  const told = gate.left().then(() => {
    left = true
  })
  gate.run(() => undefined)
  await new Promise(setImmediate)
  t.notOk(left, 'something else is still behind it')
  goOn()
  await Promise.all([holding, told])
  t.ok(left)
})
