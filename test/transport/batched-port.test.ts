import { MessageChannel, type MessagePort } from 'node:worker_threads'
import t from 'tap'
import { BatchedPort } from '../../lib/transport/batched-port.js'
import { eventually } from '../support/http-client.js'

type Message = { text?: string; bytes?: Uint8Array }

/** Two ends, and how many messages really crossed. */
function pair(): {
  near: BatchedPort<Message, Message>
  far: BatchedPort<Message, Message>
  batches: () => number
  port: MessagePort
} {
  const { port1, port2 } = new MessageChannel()
  let batches = 0
  port2.on('message', () => batches++)
  return { near: new BatchedPort(port1), far: new BatchedPort(port2), batches: () => batches, port: port2 }
}

t.test('what one tick posts crosses as one batch, in order', async t => {
  const { near, far, batches } = pair()
  const received: (string | undefined)[] = []
  far.onmessage = message => received.push(message.text)
  for (const text of ['a', 'b', 'c']) near.post({ text })
  await eventually(() => received.length === 3, 'all three arrive')
  t.same(received, ['a', 'b', 'c'])
  t.equal(batches(), 1)
  near.close()
})

t.test('of many messages of one tick the first go before the last are there, all in order', async t => {
  const { near, far, batches } = pair()
  const texts = Array.from({ length: 20 }, (_, index) => `${index}`)
  const received: (string | undefined)[] = []
  far.onmessage = message => received.push(message.text)
  for (const text of texts) near.post({ text })
  await eventually(() => received.length === texts.length, 'all arrive')
  t.same(received, texts)
  t.equal(batches(), 3)
  near.close()
})

t.test('a buffer is moved, not copied', async t => {
  const { near, far } = pair()
  const bytes = new Uint8Array(10_000).fill(7)
  let received: Uint8Array | undefined
  far.onmessage = message => {
    received = message.bytes
  }
  near.post({ bytes }, bytes.buffer)
  await eventually(() => received !== undefined, 'it arrives')
  t.equal(received?.[9_999], 7)
  t.equal(bytes.byteLength, 0, 'this end has it no more')
  near.close()
})

t.test('closing sends what was posted before and tells the other end', async t => {
  const { near, far } = pair()
  const received: unknown[] = []
  let closed = false
  far.onmessage = message => received.push(message)
  far.onclose = () => {
    closed = true
  }
  near.post({ text: 'last' })
  near.close()
  near.post({ text: 'too late' })
  await eventually(() => closed, 'the other end is told')
  t.same(received, [{ text: 'last' }])
})

t.test('a message that cannot be posted surfaces', async t => {
  const { near } = pair()
  const errors: unknown[] = []
  near.onerror = error => errors.push(error)
  near.post({ text: (() => {}) as never })
  await eventually(() => errors.length === 1, 'the error surfaces')
  t.match(errors, [{ name: 'DataCloneError' }])
  near.close()
})

t.test('a message whose handling throws does not take the others with it', async t => {
  const { near, far } = pair()
  const errors: unknown[] = []
  const received: (string | undefined)[] = []
  far.onerror = error => errors.push(error)
  far.onmessage = message => {
    if (message.text === 'bad') throw new Error('bad')
    received.push(message.text)
  }
  near.post({ text: 'bad' })
  near.post({ text: 'good' })
  await eventually(() => received.length === 1, 'the good one is handled')
  t.match(errors, [{ message: 'bad' }])
  near.close()
})
