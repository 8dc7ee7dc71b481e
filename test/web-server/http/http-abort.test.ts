import type { IncomingMessage, ServerResponse } from 'node:http'
import t, { type Test } from 'tap'
import { eventually, RawClient } from '../../support/http-client.js'
import { bareServer, localWebServer, startFront } from '../../support/http-harness.js'
import { noUse } from '../../support/http-sessions.js'

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

/** What the app hears of a request, in no particular order. */
function listen(req: IncomingMessage, res: ServerResponse): Set<string> {
  const heard = new Set<string>()
  for (const event of ['aborted', 'close', 'error', 'end']) {
    req.on(event, (error?: Error & { code?: string }) =>
      heard.add(`req ${event} ${error?.code ?? ''}`.trim()),
    )
  }
  for (const event of ['close', 'error', 'finish']) res.on(event, () => heard.add(`res ${event}`))
  req.socket.on('close', () => heard.add('socket close'))
  return heard
}

/** Runs one story against bare node:http and against the front. @returns what the app heard in each */
async function both(
  t: Test,
  app: (req: IncomingMessage, res: ServerResponse) => void,
  client: (port: number, begun: Promise<unknown>) => Promise<unknown>,
): Promise<[string[], string[]]> {
  const results: string[][] = []
  for (const kind of ['bare', 'troupe']) {
    let heard = new Set<string>()
    let begin = (_?: unknown) => {}
    const begun = new Promise(resolve => {
      begin = resolve
    })
    const handle: Listener = (req, res) => {
      heard = listen(req, res)
      app(req, res)
      begin()
    }
    if (kind === 'bare') {
      const bare = await bareServer(handle)
      await client(bare.port, begun)
      await eventually(() => heard.has('res close'), 'bare: the response is closed')
      bare.close()
    } else {
      const { front, router, port } = await startFront()
      let closed = 0
      const { link, server, close } = localWebServer(front, {
        handle,
        sessions: { open: () => ({ type: 'opened', use: noUse({ close: () => closed++ }) }) },
      })
      router.owner = link
      await client(port, begun)
      await eventually(() => heard.has('res close'), 'the response is closed')
      await eventually(
        () => front.inFlight === 0 && server.inFlight === 0 && link.inFlight === 0,
        'all is freed',
      )
      t.equal(closed, 1, 'the session is let go once')
      await front.stop(0)
      close()
    }
    results.push([...heard].sort())
  }
  return [results[0] ?? [], results[1] ?? []]
}

/** Ends the response once the connection is gone, as apps do that notice. */
const endOnClose = (res: ServerResponse) => res.on('close', () => res.end())

t.test('a client that goes away before the answer', async t => {
  const [bare, troupe] = await both(
    t,
    (_, res) => endOnClose(res),
    async (port, begun) => {
      const client = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await begun
      client.close()
    },
  )
  t.same(troupe, bare)
})

t.test('a client that goes away in the middle of its body', async t => {
  const [bare, troupe] = await both(
    t,
    (req, res) => {
      req.resume()
      endOnClose(res)
    },
    async (port, begun) => {
      const client = new RawClient(port).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nhalf')
      await begun
      client.close()
    },
  )
  t.same(troupe, bare)
})

t.test('a client that goes away in the middle of the answer', async t => {
  const [bare, troupe] = await both(
    t,
    (_, res) => {
      res.write('part')
      endOnClose(res)
    },
    async port => {
      const client = new RawClient(port).send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await client.until('part')
      client.close()
    },
  )
  t.same(troupe, bare)
})

for (const [name, destroy] of Object.entries({
  'res.destroy()': (_: IncomingMessage, res: ServerResponse) => res.destroy(),
  'req.destroy()': (req: IncomingMessage) => req.destroy(),
  'req.destroy(error)': (req: IncomingMessage) =>
    req.destroy(Object.assign(new Error('mine'), { code: 'MINE' })),
  'socket.destroy()': (req: IncomingMessage) => req.socket.destroy(),
  'socket.end()': (req: IncomingMessage) => req.socket.end(),
})) {
  t.test(`an app that cuts the connection by ${name}`, async t => {
    const [bare, troupe] = await both(
      t,
      (req, res) => setImmediate(() => destroy(req, res)),
      async port => {
        const client = new RawClient(port).send(
          'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhalf',
        )
        client.socket.on('end', () => client.close())
        t.equal(await client.untilClosed(), '')
      },
    )
    t.same(troupe, bare)
  })
}

t.test('an app that reads everything and answers', async t => {
  const [bare, troupe] = await both(
    t,
    (req, res) => {
      req.resume()
      req.on('end', () => res.end('ok'))
    },
    async port => {
      const client = new RawClient(port).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody')
      await client.until('ok')
    },
  )
  t.same(troupe, bare)
})

t.test('an app that never looks at the body', async t => {
  const [bare, troupe] = await both(
    t,
    (_, res) => res.end('ok'),
    async port => {
      const client = new RawClient(port).send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbo')
      await client.until('ok')
      client.send('dy')
    },
  )
  t.same(troupe, bare)
})
