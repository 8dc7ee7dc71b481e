import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { createServer, type IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { RawResponse } from '../../../lib/director/front/raw-response.js'
import { askRaw, eventually, RawClient } from '../../support/http-client.js'

const request = (path: string, method = 'GET', more = '') =>
  `${method} ${path} HTTP/1.1\r\nHost: a\r\n${more}\r\n`
const last = (path: string, method = 'GET') => request(path, method, 'Connection: close\r\n')
const answer = (body: string) => `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`

/** A server of such responses. @param listener called once the parser has let go of the request, as replies come */
async function serve(t: Test, listener: (req: IncomingMessage, res: RawResponse) => void): Promise<number> {
  const server = createServer({ ServerResponse: RawResponse }, (req, res) =>
    setImmediate(listener, req, res as RawResponse),
  )
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

t.test('answers go out in the order of their requests, in whatever order they are made', async t => {
  const made: RawResponse[] = []
  const port = await serve(t, (_, res) => made.push(res))
  const client = new RawClient(port).send(request('/1') + request('/2') + request('/3') + last('/4'))
  await eventually(() => made.length === 4, 'all have come')
  made[2]?.endRaw(answer('third'), false)
  made[1]?.writeRaw(answer('second').slice(0, -3))
  made[0]?.endRaw(answer('first'), false)
  made[1]?.endRaw('ond', false)
  made[3]?.endRaw(answer('fourth'), true)
  t.equal(await client.untilClosed(), answer('first') + answer('second') + answer('third') + answer('fourth'))
})

t.test('a response is closed once: with its end, or with its connection', async t => {
  const closed: string[] = []
  const port = await serve(t, (req, res) => {
    res.onClosed(() => closed.push(req.url ?? ''))
    if (req.url === '/ended') res.endRaw(answer('whole'), false)
    else res.writeRaw('HTTP/1.1 200 OK\r\n')
  })
  const client = new RawClient(port).send(request('/ended'))
  await client.until('whole')
  client.send(request('/begun'))
  await client.until('200 OK\r\n')
  client.socket.destroy()
  await eventually(() => closed.length >= 2, 'both are closed')
  await new Promise(resolve => setImmediate(resolve))
  t.same(closed, ['/ended', '/begun'])
})

t.test(
  'a large answer that the client is slow to take has ended when it is whole, and the next one follows',
  async t => {
    const body = 'x'.repeat(8_000_000)
    let closed = false
    const port = await serve(t, (req, res) => {
      if (req.url !== '/large') return res.endRaw(answer('next'), true)
      res.onClosed(() => {
        closed = true
      })
      res.endRaw(answer(body), false)
    })
    const client = new RawClient(port).send(request('/large') + last('/next'))
    await client.until('HTTP/1.1')
    client.socket.pause()
    await new Promise(resolve => setTimeout(resolve, 20))
    t.notOk(closed)
    client.socket.resume()
    t.equal(await client.untilClosed(), answer(body) + answer('next'))
    t.ok(closed)
  },
)

t.test('a tracer that listens before node:http does hears the end of each response', async t => {
  const heard: string[] = []
  const trace = (message: unknown) => {
    const { request, response } = message as { request: IncomingMessage; response: ServerResponse }
    response.once('finish', () => heard.push(`finish ${request.url}`))
    response.on('close', () => heard.push(`close ${request.url}`))
  }
  subscribe('http.server.request.start', trace)
  t.teardown(() => unsubscribe('http.server.request.start', trace))
  const port = await serve(t, (req, res) => res.endRaw(answer(req.url ?? ''), req.url === '/2'))
  const client = new RawClient(port).send(request('/1'))
  await client.until('/1')
  client.send(last('/2'))
  t.equal(await client.untilClosed(), answer('/1') + answer('/2'))
  t.same(heard, ['finish /1', 'close /1', 'finish /2', 'close /2'])
})

t.test('used plainly it is a response of node:http', async t => {
  const plain = (_: IncomingMessage, res: ServerResponse) => {
    res.sendDate = false
    res.setHeader('X-Set', ['a', 'b'])
    res.writeHead(201, { 'Content-Type': 'text/plain' })
    res.write('some ')
    res.end('text')
  }
  const port = await serve(t, plain)
  const bare = createServer(plain)
  await new Promise<void>(resolve => bare.listen(0, '127.0.0.1', resolve))
  t.teardown(() => bare.close())
  for (const method of ['GET', 'HEAD', 'POST']) {
    const expected = await askRaw((bare.address() as AddressInfo).port, [last('/', method)])
    t.equal(await askRaw(port, [last('/', method)]), expected, method)
  }
  t.ok(Object.create(RawResponse.prototype) instanceof ServerResponse)
})
