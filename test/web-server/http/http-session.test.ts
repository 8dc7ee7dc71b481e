import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import type { Partition } from '../../../lib/replication/ids.js'
import type { ExchangeServerOptions } from '../../../lib/web-server/http/exchange-server.js'
import type { Opened, SessionUse } from '../../../lib/web-server/sessions/session-use.js'
import { askRaw, eventually, RawClient } from '../../support/http-client.js'
import { localWebServer, startFront } from '../../support/http-harness.js'
import { noUse } from '../../support/http-sessions.js'

const GET = 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** One front with one web server in this thread, whose every request has this hold on its session. */
async function serve(t: Test, options: Partial<ExchangeServerOptions>, use: Partial<SessionUse> = {}) {
  const started = await startFront()
  let closed = 0
  const opened: Opened = { type: 'opened', use: noUse({ ...use, close: () => closed++ }) }
  const webServer = localWebServer(started.front, { sessions: { open: () => opened }, ...options })
  started.router.owner = webServer.link
  t.teardown(async () => {
    await started.front.stop(0)
    webServer.close()
  })
  return { ...started, ...webServer, closed: () => closed }
}

/** A promise and what decides it. */
function deferred(): { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } {
  let resolve = () => {}
  let reject = (_: Error) => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

t.test('a response waits, its head included, until the session is acknowledged', async t => {
  const acks: ReturnType<typeof deferred>[] = []
  const { port, closed } = await serve(
    t,
    { handle: (_, res) => res.writeHead(302, { location: '/next' }).end() },
    {
      acknowledged: () => {
        const ack = deferred()
        acks.push(ack)
        return ack.promise
      },
    },
  )
  const client = new RawClient(port).send(GET)
  await eventually(() => acks.length > 0, 'the app has answered')
  // A whole other exchange passes through the same ports meanwhile.
  const other = new RawClient(port).send(GET)
  await eventually(() => acks.length > 2, 'the other has too')
  t.equal(client.received, '', 'nothing has been sent')
  t.equal(closed(), 0, 'the session is still held')
  for (const ack of acks) ack.resolve()
  t.match(await client.untilClosed(), /^HTTP\/1.1 302 Found\r\nlocation: \/next/)
  await other.untilClosed()
  t.equal(closed(), 2, 'each session is let go once')
})

t.test('when the copies cannot be had the client gets 503 and nothing of what the app answered', async t => {
  const errors: unknown[] = []
  const { port, closed } = await serve(
    t,
    { handle: (_, res) => res.setHeader('X-App', '1').end('success'), onError: error => errors.push(error) },
    { acknowledged: () => Promise.reject(new Error('too late')) },
  )
  const answer = await askRaw(port, GET)
  t.match(answer, /^HTTP\/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n/)
  t.notMatch(answer, /success|X-App/)
  t.match(errors, [{ message: 'too late' }])
  await eventually(() => closed() === 1, 'the session is let go')
})

t.test('when the copies cannot be had after the head went out the connection is cut', async t => {
  const ack = deferred()
  let answering: ServerResponse | undefined
  const { port } = await serve(
    t,
    {
      handle: (_, res) => {
        res.writeHead(200, { 'Content-Length': 7 }).flushHeaders()
        answering = res
      },
    },
    { acknowledged: () => (answering === undefined ? null : ack.promise) },
  )
  const client = new RawClient(port).send(GET)
  await client.until('\r\n\r\n')
  answering?.end('success')
  ack.reject(new Error('too late'))
  t.notMatch(await client.untilClosed(), /success|503/)
})

t.test('a response that waits for its session exerts back-pressure on the app', async t => {
  const ack = deferred()
  let written = 0
  let full = false
  const { port } = await serve(
    t,
    {
      handle: async (_, res) => {
        for (let i = 0; i < 64; i++) {
          written++
          if (!res.write(Buffer.alloc(65_536, 120))) {
            full = true
            await once(res, 'drain')
          }
        }
        res.end()
      },
    },
    { acknowledged: () => (written < 64 ? ack.promise : null) },
  )
  const client = new RawClient(port).send(GET)
  await eventually(() => full, 'the app is told to wait')
  t.ok(written < 5, 'long before everything is written')
  ack.resolve()
  const answer = await client.untilClosed()
  t.ok(answer.endsWith('0\r\n\r\n'), 'then it all arrives')
  t.ok(answer.length > 64 * 65_536)
})

const cookieApps: Record<string, (res: ServerResponse) => unknown> = {
  none: res => res.end(),
  'by setHeader': res => res.setHeader('Set-Cookie', 'app=1').end(),
  'in an object': res => res.writeHead(200, { 'set-cookie': 'app=1' }).end(),
  'several in an object': res => res.writeHead(200, 'OK', { 'Set-Cookie': ['app=1', 'more=2'] }).end(),
  'in a raw array': res => res.writeHead(200, ['Set-Cookie', 'app=1', 'set-cookie', 'more=2']).end(),
  'in a raw array after setHeader': res =>
    res.setHeader('X-A', '1').writeHead(200, ['Set-Cookie', 'app=1', 'Set-Cookie', 'more=2']).end(),
  'by setHeader and an object': res =>
    res.setHeader('Set-Cookie', 'app=1').writeHead(200, { 'X-A': '1' }).end(),
  'by setHeader and a raw array': res =>
    res.setHeader('Set-Cookie', 'app=1').writeHead(200, ['X-A', '1']).end(),
}

for (const [name, app] of Object.entries(cookieApps)) {
  t.test(`the session cookie joins the app's cookies: ${name}`, async t => {
    const { port } = await serve(
      t,
      { handle: (_, res) => app(res), servedBy: 'web-7' },
      { head: () => 'sid=abc; Path=/' },
    )
    const answer = await askRaw(port, GET)
    const cookies = [...answer.matchAll(/^set-cookie: (.*?)\r$/gim)].map(match => match[1])
    const expected =
      name === 'none' ? [] : app.toString().includes('more=2') ? ['app=1', 'more=2'] : ['app=1']
    t.same(cookies, [...expected, 'sid=abc; Path=/'])
    if (app.toString().includes('X-A')) t.match(answer, /\r\nX-A: 1\r\n/)
    t.equal(answer.match(/x-served-by: web-7/g)?.length, 1, 'so does the name of the web server')
  })
}

t.test('a session that cannot be committed turns the response into a 500 that names the error', async t => {
  const error = Object.assign(new Error('The session is too large.\nmore'), { code: 'SESSION_TOO_LARGE' })
  const errors: unknown[] = []
  for (const when of ['head', 'end'] as const) {
    const { port, closed } = await serve(
      t,
      {
        handle: (_, res) => res.setHeader('Set-Cookie', 'app=1').setHeader('ETag', '"x"').end('success'),
        onError: error => errors.push(error),
      },
      {
        [when]: () => {
          throw error
        },
      },
    )
    const answer = await askRaw(port, GET)
    t.match(answer, /^HTTP\/1.1 500 Internal Server Error\r\n/)
    t.match(answer, /\r\n\r\nSESSION_TOO_LARGE: The session is too large.\n$/)
    t.notMatch(answer, /success|ETag|Set-Cookie/)
    await eventually(() => closed() === 1, 'the session is let go')
  }
  t.same(errors, [error, error], 'each is reported once')
})

t.test('a session that cannot be kept for a moment turns the response into a 503 to try again', async t => {
  for (const code of ['OWNERSHIP_LOST', 'SESSION_CACHE_FULL', 'SESSION_REVERTED']) {
    const end = () => {
      throw Object.assign(new Error('for a moment'), { code })
    }
    const { port } = await serve(t, { handle: (_, res) => res.end('success') }, { end })
    const answer = await askRaw(port, GET)
    t.match(answer, /^HTTP\/1.1 503 Service Unavailable\r\nRetry-After: 1\r\n/)
    t.match(answer, new RegExp(`\r\n\r\n${code}: `))
  }
})

t.test('a session that cannot be committed after the head went out cuts the connection', async t => {
  const { port } = await serve(
    t,
    {
      handle: (_, res) => {
        res.write('part')
        setTimeout(() => res.end('success'), 20)
      },
    },
    {
      end: () => {
        throw new Error('no')
      },
    },
  )
  const answer = await askRaw(port, GET)
  t.match(answer, /part/)
  t.notMatch(answer, /success|HTTP\/1.1 500/)
  t.notMatch(answer, /\r\n0\r\n/)
})

t.test('a session that no replica can read is 503, and the app does not run', async t => {
  let ran = false
  for (const open of [
    (): Opened => ({ type: 'unavailable', error: new Error('no replica') }),
    () => Promise.reject(new Error('no replica')),
  ]) {
    const { port, server } = await serve(t, {
      sessions: { open },
      handle: (_, res) => {
        ran = true
        res.end()
      },
    })
    t.match(await askRaw(port, GET), /^HTTP\/1.1 503 [\s\S]*\r\nRetry-After: 1\r\n/i)
    t.equal(server.inFlight, 0)
  }
  t.notOk(ran)
})

t.test('a request whose session another web server owns goes there, its body included', async t => {
  const { front, router, port } = await startFront()
  const served: string[] = []
  const echo = (name: string) => async (req: IncomingMessage, res: ServerResponse) => {
    served.push(name)
    for await (const chunk of req) res.write(chunk)
    res.end()
  }
  const first = localWebServer(
    front,
    {
      sessions: { open: () => Promise.resolve({ type: 'reroute', partition: 7 as Partition }) },
      handle: echo('first'),
    },
    'web-1',
  )
  const second = localWebServer(front, { handle: echo('second') }, 'web-2')
  router.leastBusy = () => first.link
  router.owner = second.link
  t.teardown(() => front.stop(0))
  const body = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 5\r\n\r\nhello'
  t.match(await askRaw(port, body), /hello/)
  t.same(served, ['second'])
  t.equal(first.server.inFlight, 0)

  router.owner = first.link
  t.match(await askRaw(port, GET), /^HTTP\/1.1 503 /, 'but not for ever')
  first.close()
  second.close()
})

t.test('a large body follows its request to the owner: nothing of it is lost on the way', async t => {
  const { front, router, port } = await startFront()
  const first = localWebServer(front, {
    sessions: {
      open: async () => {
        // Long enough for whatever the front is willing to send.
        for (let turn = 0; turn < 50; turn++) await new Promise(resolve => setImmediate(resolve))
        return { type: 'reroute', partition: 7 as Partition }
      },
    },
  })
  const count = async (req: IncomingMessage, res: ServerResponse) => {
    let bytes = 0
    for await (const chunk of req) bytes += chunk.length
    res.end(`${bytes} bytes`)
  }
  const second = localWebServer(front, { handle: count }, 'web-2')
  router.leastBusy = () => first.link
  router.owner = second.link
  t.teardown(async () => {
    await front.stop(0)
    first.close()
    second.close()
  })
  const head = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 1000000\r\n\r\n'
  t.match(await askRaw(port, [head, Buffer.alloc(1_000_000, 120)]), /1000000 bytes/)
})

t.test(
  'a body in an encoding that does not exist is refused at once, and nothing of its head goes out',
  async t => {
    for (const acknowledged of [() => null, () => Promise.resolve()]) {
      const uncaught: unknown[] = []
      const { port, server } = await serve(
        t,
        {
          handle: (_, res) => res.end('text', 'no-such-encoding' as BufferEncoding),
          onUncaught: error => uncaught.push(error),
        },
        { acknowledged },
      )
      t.match(await askRaw(port, GET), /^HTTP\/1.1 500 /)
      t.match(uncaught, [{ code: 'ERR_UNKNOWN_ENCODING' }])
      t.equal(server.inFlight, 0)
    }
  },
)

t.test('a response that is ended at once is one message, whatever its body is', async t => {
  const bodies: [string | Uint8Array, BufferEncoding?][] = [
    ['text'],
    ['t\u00e9xt', 'latin1'],
    ['dGV4dA==', 'base64'],
    ['text', 'utf16le'],
    [Buffer.from('text')],
    [new Uint8Array([1, 2, 3])],
  ]
  for (const acknowledged of [() => null, () => Promise.resolve()]) {
    for (const [body, encoding] of bodies) {
      const { port, front } = await serve(
        t,
        { handle: (_, res) => res.end(body, encoding ?? 'utf8') },
        { acknowledged },
      )
      const types: string[] = []
      const onReply = front.onReply.bind(front)
      front.onReply = message => {
        types.push(message.type)
        onReply(message)
      }
      const answer = await askRaw(port, GET)
      const bytes = typeof body === 'string' ? Buffer.from(body, encoding) : Buffer.from(body)
      t.equal(answer.split('\r\n\r\n')[1], bytes.toString('latin1'))
      t.same(types, ['responseEnd'], String(body))
    }
  }
})

t.test('a long response that is held arrives although the app has meddled with its connection', async t => {
  const { port } = await serve(
    t,
    {
      handle: (_, res) => {
        const { socket } = res
        res.end('x'.repeat(100_000))
        if (socket !== null) socket.readable = true
      },
    },
    { acknowledged: () => Promise.resolve() },
  )
  t.match(await askRaw(port, GET), /x{100000}$/)
})

t.test('an app that ends the connection behind a response that is held does not lose it', async t => {
  for (const body of ['success', Buffer.from('success')]) {
    const { port } = await serve(
      t,
      {
        handle: (_, res) => {
          const { socket } = res
          res.end(body)
          socket?.end()
        },
      },
      { acknowledged: () => Promise.resolve() },
    )
    t.match(await askRaw(port, GET), /^HTTP\/1.1 200 OK[\s\S]*success$/)
  }
})

t.test('an app that streams when its answer is replaced sees its client go away', async t => {
  const ack = deferred()
  let closed = false
  const { port, server } = await serve(
    t,
    {
      handle: (_, res) => {
        res.writeHead(200, { 'Content-Type': 'text/event-stream' }).flushHeaders()
        const events = setInterval(() => res.write('data: more\n\n'), 5)
        res.on('close', () => {
          closed = true
          clearInterval(events)
          res.end()
        })
      },
    },
    { acknowledged: () => ack.promise },
  )
  const body = 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf '
  const client = new RawClient(port).send(body)
  await eventually(() => server.inFlight === 1, 'the app streams')
  ack.reject(new Error('too late'))
  t.match(await client.until('try again'), /^HTTP\/1.1 503 /)
  await eventually(() => closed && server.inFlight === 0, 'the app has stopped')
  client.send('rest.GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await eventually(() => client.received.split('HTTP/1.1 503').length === 3, 'the connection goes on')
  client.close()
})

t.test('a head that node refuses leaves no cookie behind', async t => {
  let heads = 0
  const { port } = await serve(
    t,
    {
      handle: (_, res) => {
        res.setHeader('Set-Cookie', 'app=1')
        try {
          res.writeHead(200, { 'X-Bad': 'two\nlines' })
        } catch {
          res.statusCode = 500
          res.end()
        }
      },
    },
    { head: () => `sid=${++heads}` },
  )
  const cookies = (await askRaw(port, GET)).match(/^Set-Cookie: .*$/gim)
  t.same(cookies, ['Set-Cookie: app=1', 'Set-Cookie: sid=2'])
})

t.test('a listener that throws or rejects answers 500, is reported, and lets its session go', async t => {
  const uncaught: unknown[] = []
  const failures: ExchangeServerOptions['handle'][] = [
    () => {
      throw new Error('sync')
    },
    async () => {
      throw new Error('async')
    },
  ]
  for (const handle of failures) {
    const { port, server, closed } = await serve(t, { handle, onUncaught: error => uncaught.push(error) })
    t.match(await askRaw(port, GET), /^HTTP\/1.1 500 /)
    t.equal(server.inFlight, 0)
    t.equal(closed(), 1)
  }
  t.match(uncaught, [{ message: 'sync' }, { message: 'async' }])
})

t.test('req.session reaches the hold on the session, also on a re-parented request', async t => {
  const session = { cart: 1 } as never
  const use = { session, sessionId: 'id-1' }
  const seen: unknown[] = []
  const { port } = await serve(
    t,
    {
      handle: (req, res) => {
        Object.setPrototypeOf(req, Object.create(Object.getPrototypeOf(req)))
        const request = req as unknown as { session: unknown; sessionID: string }
        seen.push(request.session, request.sessionID)
        request.session = undefined
        seen.push(request.session)
        res.end()
      },
    },
    use,
  )
  await askRaw(port, GET)
  t.same(seen, [session, 'id-1', undefined])
})

t.test('what one request enters into an AsyncLocalStorage is not seen by the next', async t => {
  const storage = new AsyncLocalStorage<string>()
  const seen: unknown[] = []
  const { port } = await serve(t, {
    handle: (req, res) => {
      seen.push(storage.getStore())
      storage.enterWith(req.url ?? '')
      setImmediate(() => res.end(storage.getStore()))
    },
  })
  const client = new RawClient(port).send(
    'GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
  )
  await client.until('/2')
  t.match(client.received, /\/1[\s\S]*\/2/)
  t.same(seen, [undefined, undefined])
  client.close()
})
