/** Which connections are idle, and how long they may be. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import t from 'tap'
import { eventually, RawClient } from '../../support/http-client.js'
import { localWebServer, startFront } from '../../support/http-harness.js'

/** node:http gives a second more than it is told. */
const SLACK_MS = 1_000
const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'

t.test('a connection on which nobody asks any more is closed, and no other', async t => {
  const { front, router, port } = await startFront({ keepAliveTimeoutMs: 500, headersTimeoutMs: 60_000 })
  const handle = (req: IncomingMessage, res: ServerResponse) => {
    if (req.url === '/') res.end('answered')
  }
  const server = localWebServer(front, { handle })
  router.owner = server.link
  t.teardown(async () => {
    await front.stop(0)
    server.close()
  })
  const began = performance.now()
  const idle = new RawClient(port).send(GET)
  const refused = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n')
  const waits = new RawClient(port).send(`${GET}GET /slow HTTP/1.1\r\nHost: a\r\n\r\n`)
  const fresh = new RawClient(port)
  const busy = new RawClient(port).send(GET)
  const slow = new RawClient(port).send(GET)
  await slow.until('answered')
  slow.send('GET / HTTP/1.1\r\n')
  const traffic = setInterval(() => {
    busy.send(GET)
    slow.send('X: y\r\n')
  }, 100)
  t.teardown(() => clearInterval(traffic))
  await eventually(() => idle.closed && refused.closed, 'the idle ones are closed')
  t.match(idle.received, 'answered')
  t.match(refused.received, 'HTTP/1.1 417 ')
  t.ok(performance.now() - began >= 500, 'not before their time')
  await new Promise(resolve => setTimeout(resolve, SLACK_MS))
  t.notOk(waits.closed, 'an answer is still to come')
  t.notOk(fresh.closed, 'the limit for heads is for one that has not asked yet')
  t.notOk(busy.closed, 'it goes on asking')
  t.notOk(slow.closed, 'a head is on its way')
  for (const client of [waits, fresh, busy, slow]) client.close()
})
