/** What a stopping front owes its clients: every byte that it was given for them, however slowly they take it. */
import t from 'tap'
import type { WebServerLink } from '../../../lib/director/front/router.js'
import type { ExchangeId } from '../../../lib/transport/exchange-messages.js'
import { eventually, RawClient } from '../../support/http-client.js'
import { startFront } from '../../support/http-harness.js'

/** A web server that leaves it to the test when to answer. @returns the ids of the requests that it has been sent */
function silentLink(): { link: WebServerLink; ids: ExchangeId[] } {
  const ids: ExchangeId[] = []
  const post: WebServerLink['post'] = message => {
    if (message.type === 'request') ids.push(message.id)
  }
  return { link: { name: 'web-1', inFlight: 0, post }, ids }
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'
const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

t.test('the end of an answer that a slow client has not read yet is not lost by a stop', async t => {
  const { front, router, port } = await startFront()
  const { link, ids } = silentLink()
  router.owner = link
  const client = new RawClient(port).send(GET)
  await eventually(() => ids.length === 1, 'the request is there')
  client.socket.pause()
  // More than the kernel's buffers of both ends.
  const whole = answer('x'.repeat(32 * 1024 * 1024))
  front.onReply({ type: 'responseEnd', id: ids[0] ?? 0, bytes: whole, close: false })
  t.equal(front.inFlight, 0)
  const stopped = front.stop(60_000)
  client.socket.resume()
  t.equal((await client.untilClosed()).length, whole.length)
  await stopped
})

t.test(
  'pipelined requests that have arrived are all answered by a stop, in whatever order they end',
  async t => {
    for (const order of [
      [0, 1, 2],
      [2, 1, 0],
      [1, 2, 0],
    ]) {
      const { front, router, port } = await startFront()
      const { link, ids } = silentLink()
      router.owner = link
      const client = new RawClient(port).send(GET + GET + GET)
      await eventually(() => ids.length === 3, 'the requests are there')
      const stopped = front.stop(60_000)
      for (const index of order) {
        front.onReply({ type: 'responseEnd', id: ids[index] ?? 0, bytes: answer(`${index}`), close: false })
        await new Promise(resolve => setImmediate(resolve))
      }
      t.equal(await client.untilClosed(), [0, 1, 2].map(index => answer(`${index}`)).join(''))
      await stopped
    }
  },
)

t.test(
  'an answer that waited for an earlier one when the stop began is sent, and the connection closed',
  async t => {
    const { front, router, port } = await startFront()
    const { link, ids } = silentLink()
    router.owner = link
    const client = new RawClient(port).send(GET + GET)
    await eventually(() => ids.length === 2, 'the requests are there')
    front.onReply({ type: 'responseEnd', id: ids[1] ?? 0, bytes: answer('1'), close: false })
    const stopped = front.stop(60_000)
    front.onReply({ type: 'responseEnd', id: ids[0] ?? 0, bytes: answer('0'), close: false })
    t.equal(await client.untilClosed(), answer('0') + answer('1'))
    await stopped
  },
)
