/** What wrk really sends under each load, seen from a server. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import t, { type Test } from 'tap'
import { LOADS, type LoadName, type Shape, shapeOf } from '../../bench/loads.js'
import { runWrk } from '../../bench/wrk/wrk.js'
import { needs } from '../support/needs.js'

needs('wrk')

const CONNECTIONS = 4

/** One request as it came. */
interface Seen {
  readonly socket: Socket
  readonly cookie: string | undefined
}

/** A server, and one second of a load at it. */
async function underLoad(
  t: Test,
  name: LoadName,
  options: {
    readonly rate?: number
    readonly answer?: (request: IncomingMessage, response: ServerResponse) => void
  } = {},
) {
  const seen: Seen[] = []
  const answer = options.answer ?? ((_request, response) => void response.end('1'))
  const server = createServer((request, response) => {
    seen.push({ socket: request.socket, cookie: request.headers.cookie })
    answer(request, response)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const address = server.address()
  const port = typeof address === 'object' && address !== null ? address.port : 0
  const shape: Shape = shapeOf(LOADS[name], CONNECTIONS)
  const cookies = Array.from({ length: shape.sessions }, (_, index) => `sid=${index}`)
  const result = await runWrk({
    ...{ url: `http://127.0.0.1:${port}`, load: LOADS[name], shape, cookies, seconds: 1 },
    ...{ rate: options.rate ?? null, folder: t.testdir(), signal: AbortSignal.timeout(60_000) },
  })
  return { seen, shape, cookies, result }
}

/** Cookies by connection. */
function bySocket(seen: readonly Seen[]): Set<string | undefined>[] {
  const sockets = new Map<Socket, Set<string | undefined>>()
  for (const { socket, cookie } of seen) {
    sockets.set(socket, (sockets.get(socket) ?? new Set()).add(cookie))
  }
  return [...sockets.values()].filter(cookies => cookies.size > 0)
}

t.test('under sticky each connection brings one session, and no other connection brings it', async t => {
  const { seen, cookies, result } = await underLoad(t, 'sticky')
  const connections = bySocket(seen)
  t.equal(connections.length, CONNECTIONS)
  t.ok(connections.every(own => own.size === 1))
  t.strictSame(new Set(connections.flatMap(own => [...own])), new Set(cookies))
  t.ok(Math.abs(seen.length - result.requests) <= CONNECTIONS, 'wrk counted what the server saw')
})

t.test('under pooled every connection brings many sessions in turn, none of them twice at once', async t => {
  const underWay = new Set<string>()
  let doubled = 0
  const { seen, shape, cookies } = await underLoad(t, 'pooled', {
    answer: ({ headers: { cookie = '' } }, response) => {
      if (underWay.has(cookie)) doubled++
      underWay.add(cookie)
      setImmediate(() => {
        underWay.delete(cookie)
        response.end('1')
      })
    },
  })
  const connections = bySocket(seen)
  t.equal(connections.length, shape.connections)
  t.ok(connections.every(own => own.size > 1))
  t.ok(seen.every(({ cookie }) => cookies.includes(cookie ?? '')))
  t.equal(doubled, 0)
})

t.test('under new no request brings a session', async t => {
  const { seen } = await underLoad(t, 'new')
  t.ok(seen.every(({ cookie }) => cookie === undefined))
})

t.test('under close each request has a connection of its own', async t => {
  const { seen, result } = await underLoad(t, 'close')
  t.equal(new Set(seen.map(({ socket }) => socket)).size, seen.length)
  t.ok(Math.abs(seen.length - result.requests) <= CONNECTIONS)
})

t.test('at a constant rate a stall counts for every request that was due meanwhile', async t => {
  const rate = 600
  const stallMs = 400
  let stalledUntil = 0
  let begun = false
  const { result } = await underLoad(t, 'sticky', {
    rate,
    answer: (_request, response) => {
      const now = performance.now()
      if (!begun) stalledUntil = now + stallMs
      begun = true
      setTimeout(() => response.end('1'), Math.max(0, stalledUntil - now))
    },
  })
  t.ok(
    result.requestsPerSecond <= rate * 1.1,
    `${result.requestsPerSecond} requests/s, ${rate} were asked for`,
  )
  // Each of the 4 connections sent one request into the stall, less than one of a hundred, where 60 were due.
  t.ok((result.dueLatency?.p99 ?? 0) > stallMs / 2, `${result.dueLatency?.p99} ms`)
  t.equal((await underLoad(t, 'sticky')).result.dueLatency, null)
})

t.test('answers that are errors end the bench', async t => {
  const answer = (_request: IncomingMessage, response: ServerResponse) => {
    response.statusCode = 503
    response.end()
  }
  await t.rejects(underLoad(t, 'sticky', { answer }), { message: /found \d+ errors of status/ })
})
