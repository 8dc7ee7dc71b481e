/** Socket.IO in a real cluster: polling and WebSocket of one connection meet at the owner of its session. */
import { io, type Socket } from 'socket.io-client'
import t, { type Test } from 'tap'
import { startCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { visit } from '../support/visitor.js'

interface Echo {
  readonly by: string
  readonly said: number
  readonly transport: string
}

const cluster = await startCluster(t, { app: 'socket-io', webServers: { threads: 3 } })

/** A browser has its cookies before it loads the script: so has this one. */
async function connect(
  t: Test,
  options: Record<string, unknown> = {},
): Promise<{ socket: Socket; cookie: string }> {
  const visitor = visit(t, cluster.url)
  await visitor.get('/socket.io/?EIO=4&transport=polling')
  const cookie = visitor.cookieHeader
  const socket = io(cluster.url, {
    extraHeaders: { cookie },
    forceNew: true,
    reconnectionDelay: 50,
    ...options,
  })
  t.teardown(() => socket.disconnect())
  await until(() => socket.connected)
  return { socket, cookie }
}

async function echo(socket: Socket, message: unknown): Promise<[unknown, Echo]> {
  return new Promise(resolve =>
    socket.emit('echo', message, (answer: unknown, more: Echo) => resolve([answer, more])),
  )
}

t.test('a connection that begins by polling is upgraded to a WebSocket at the same web server', async t => {
  const { socket, cookie } = await connect(t)
  await until(() => socket.io.engine.transport.name === 'websocket')
  const sent = { text: 'tönt', bytes: Buffer.from([0, 1, 255]) }
  const [answer, { by, transport }] = await echo(socket, sent)
  t.same(answer, sent)
  t.equal(transport, 'websocket')
  const page = await (await fetch(cluster.url, { headers: { cookie } })).json()
  t.same(page, { by, said: 1 }, 'an HTTP request of the session sees what the message handler did')
})

t.test('polling alone works as well', async t => {
  const { socket } = await connect(t, { transports: ['polling'] })
  t.match(await echo(socket, 'polled'), ['polled', { said: 1, transport: 'polling' }])
  t.match(await echo(socket, 'x'.repeat(300_000)), ['x'.repeat(300_000), { said: 2 }])
})

t.test(
  '200 clients, one web server lost: its own reconnect and find their sessions, the others never notice',
  async t => {
    const clients = await Promise.all(Array.from({ length: 200 }, () => connect(t)))
    await until(() => clients.every(({ socket }) => socket.io.engine.transport.name === 'websocket'))
    const first = await Promise.all(clients.map(({ socket }) => echo(socket, 'hello')))
    const homes = first.map(([, { by }]) => by)
    const victim = homes[0] ?? ''
    const disconnected = new Set<number>()
    for (const [index, { socket }] of clients.entries())
      socket.on('disconnect', () => disconnected.add(index))
    await cluster.lose(victim)
    const lost = homes.flatMap((by, index) => (by === victim ? [index] : []))
    t.ok(lost.length > 20 && lost.length < 180, `${lost.length} clients lost`)
    await until(() => lost.every(index => disconnected.has(index) && clients[index]?.socket.connected))
    const second = await Promise.all(clients.map(({ socket }) => echo(socket, 'again')))
    t.ok(
      second.every(([answer, { said }]) => answer === 'again' && said === 2),
      'everybody with the session of before',
    )
    t.same([...disconnected].sort(), lost.sort(), 'nobody else was disconnected')
  },
)
