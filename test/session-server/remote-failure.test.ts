/** How a gateway ends when the far side does: always, in time, with a code, and without an answer that is not true. */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { Stage, WORKER_FILES } from '../../lib/director/actors/stage.js'
import { type ActorName, PARTITION_COUNT } from '../../lib/replication/ids.js'
import { RemoteSessionServer } from '../../lib/session-server/gateways/remote-session-server.js'
import { gateway, KEY, memoryServer, remoteOptions, service } from './remote-harness.js'
import { Link, type LinkState } from './remote-link.js'
import { applyOf, mutationOf, TestOwner } from './session-server-tests.js'

/** Short, since these tests wait for it; long enough for a healthy service on a busy machine. */
const TIMEOUT_MS = 1_500

t.test(
  'an address where nobody listens, or where there is another session server, fails the opening',
  async t => {
    const { url, close } = await service(t)
    await t.rejects(RemoteSessionServer.open(remoteOptions(url, { name: 'b' })), { code: 'REMOTE_NAME' })
    await t.rejects(
      RemoteSessionServer.open(remoteOptions(url, { keys: [{ id: 'main', secret: 'a wrong one' }] })),
      { code: 'REMOTE_UNAUTHORIZED' },
    )
    await t.rejects(RemoteSessionServer.open(remoteOptions(url, { keys: [] })), {
      code: 'REMOTE_UNAUTHORIZED',
    })
    await close()
    await t.rejects(RemoteSessionServer.open(remoteOptions(url)), {
      code: 'REMOTE_UNREACHABLE',
      cause: { code: 'ECONNREFUSED' },
    })
  },
)

for (const state of ['silent', 'deaf', 'reset'] as const satisfies readonly LinkState[]) {
  t.test(`opening over a network that is ${state} fails in time`, async t => {
    const link = await Link.to(t, await service(t))
    link.set(state)
    await t.rejects(RemoteSessionServer.open(remoteOptions(link.url, { timeoutMs: TIMEOUT_MS })), {
      code: state === 'reset' ? 'REMOTE_UNREACHABLE' : 'REMOTE_TIMEOUT',
    })
  })

  for (const traffic of ['with traffic', 'without traffic']) {
    t.test(
      `a network that becomes ${state} ends the gateway, ${traffic}, and it joins again later`,
      async t => {
        const link = await Link.to(t, await service(t))
        const options = { timeoutMs: TIMEOUT_MS }
        const server = await gateway(t, link.url, options)
        const owner = new TestOwner(server)
        await owner.ask(applyOf(0, mutationOf('s1', '"before"')))
        link.set(state)
        if (traffic === 'with traffic') owner.send(applyOf(1, mutationOf('s2')))
        t.match(await server.failed, { code: state === 'reset' ? 'REMOTE_UNREACHABLE' : 'REMOTE_TIMEOUT' })
        owner.send(applyOf(2, mutationOf('s3')))
        t.strictSame(owner.answers, [], 'nothing is acknowledged after that')
        link.set('open')
        t.strictSame(await new TestOwner(await gateway(t, link.url, options)).read('s1', 's3'), [
          '"before"',
          undefined,
        ])
      },
    )
  }
}

t.test('what is acknowledged before a cut is held, in order, and nothing behind it', async t => {
  const local = memoryServer(t)
  const running = await service(t, { servers: new Map([['a', local]]) })
  const link = await Link.to(t, running)
  const server = await gateway(t, link.url)
  const owner = new TestOwner(server)
  let batch = 0
  let isOver = false
  void server.failed.then(() => {
    isOver = true
  })
  while (!isOver) {
    for (let each = 0; each < 20; each++, batch++)
      owner.send(applyOf(batch, mutationOf(`s${batch}`, `${batch}`)))
    await new Promise(resolve => setImmediate(resolve))
    if (batch === 2_000) link.set('reset')
  }
  const acknowledged = owner.answers.map(answer => answer.type === 'applied' && answer.batch)
  t.strictSame(
    acknowledged,
    acknowledged.map((_, index) => index),
    'in order, without a gap',
  )
  const ids = Array.from({ length: batch }, (_, index) => `s${index}`)
  const held = (await new TestOwner(local).read(...ids)).map(data => data !== undefined)
  const firstMissing = held.indexOf(false)
  t.ok(firstMissing >= acknowledged.length, 'what was acknowledged is held')
  t.notOk(held.slice(firstMissing).includes(true), 'nothing was applied without what was sent before it')
})

t.test(
  'a host that is stopped counts as lost; continued, it applies nothing late and can be joined',
  async t => {
    const host = await hostProcess(t)
    const options = { timeoutMs: TIMEOUT_MS }
    const server = await gateway(t, host.url, options)
    const owner = new TestOwner(server)
    await owner.ask(applyOf(0, mutationOf('s1', '"old"')))
    host.child.kill('SIGSTOP')
    for (let batch = 1; batch < 20; batch++) {
      owner.send(applyOf(batch, mutationOf(`late${batch}`)))
      await new Promise(resolve => setImmediate(resolve))
    }
    t.match(await server.failed, { code: 'REMOTE_TIMEOUT' })
    await t.rejects(RemoteSessionServer.open(remoteOptions(host.url, options)), { code: 'REMOTE_TIMEOUT' })
    host.child.kill('SIGCONT')
    const next = new TestOwner(await gateway(t, host.url))
    await next.ask(applyOf(0, mutationOf('s1', '"new"', { version: 2 })))
    t.strictSame(await next.read('s1'), ['"new"'])
    t.strictSame(owner.answers, [])
  },
)

t.test('a host that is killed is noticed without traffic, long before the time is up', async t => {
  const host = await hostProcess(t)
  const server = await gateway(t, host.url, { timeoutMs: 600_000 })
  host.child.kill('SIGKILL')
  t.match(await server.failed, { code: 'REMOTE_UNREACHABLE' })
  const again = await hostProcess(t, host.port)
  t.strictSame(await new TestOwner(await gateway(t, again.url)).read('s1'), [undefined])
})

t.test('a service that begins anew knows no stream of before: the gateway ends', async t => {
  const servers = new Map([['a', memoryServer(t)]])
  const first = await service(t, { servers })
  const server = await gateway(t, first.url, { timeoutMs: 600_000 })
  await first.close()
  await service(t, { servers, port: first.port })
  t.match(await server.failed, { code: /^REMOTE_(REFUSED|UNREACHABLE)$/ })
})

t.test('a second gateway of this process takes the place of the first', async t => {
  const { url } = await service(t)
  const first = await gateway(t, url, { timeoutMs: TIMEOUT_MS })
  const second = await gateway(t, url)
  t.match(await first.failed, { code: 'REMOTE_REFUSED', status: 409, reason: 'STREAM_ENDED' })
  t.match(await new TestOwner(second).ask(applyOf(1, mutationOf('s1'))), { type: 'applied' })
})

t.test('a peer that is no Troupe host, or speaks another version, is refused clearly', async t => {
  const health = (protocol: unknown): string =>
    `${JSON.stringify({ protocol, servers: ['a'], limits: { bodyBytes: 1_000 }, more: 1 })}\n# end\n`
  const answers: [string, number, string, object][] = [
    ['<html>', 200, 'REMOTE_ANSWER', {}],
    ['{}\n', 200, 'REMOTE_ANSWER', { message: /before its last seal/ }],
    ['{}\n# end\n', 200, 'REMOTE_ANSWER', {}],
    ['not json\n# end\n', 200, 'REMOTE_ANSWER', {}],
    [health({ major: 2, minor: 0 }), 200, 'REMOTE_VERSION', { message: /speaks version 2\.0/ }],
    ['nginx', 502, 'REMOTE_ANSWER', {}],
    ['{"code":"BUSY"}\n# end\n', 503, 'REMOTE_REFUSED', { reason: 'BUSY' }],
  ]
  for (const [body, status, code, more] of answers) {
    const { url } = await peer(t, status, body)
    await t.rejects(RemoteSessionServer.open(remoteOptions(url, { keys: [] })), { code, ...more }, body)
  }
})

t.test('an answer that is not sealed with the key is not believed', async t => {
  const { url } = await peer(t, 200, `{"protocol":{"major":1,"minor":0}}\n# end ${'A'.repeat(43)}\n`)
  await t.rejects(RemoteSessionServer.open(remoteOptions(url, { keys: [KEY] })), {
    code: 'REMOTE_ANSWER',
    message: /another key/,
  })
})

t.test('the actor of a gateway starts, and ends with the reason when its far side is lost', async t => {
  const running = await service(t)
  const stage = new Stage(WORKER_FILES)
  t.teardown(() => stage.destroy())
  const actor = stage.spawn({ role: 'session-server', name: 'a' })
  const backend = { kind: 'remote', url: running.url, keys: [KEY], tls: null, timeoutMs: 20_000 } as const
  const fences = await actor.control.start({ name: 'a' as ActorName, backend })
  t.equal(fences.length, PARTITION_COUNT)
  t.match(await actor.control.stats(), { sessions: 0 })
  await running.close()
  t.match(await actor.ended, { how: 'crashed', error: { code: 'REMOTE_UNREACHABLE' } })
})

/** A session host in a process of its own. */
async function hostProcess(t: Test, port = 0): Promise<{ child: ChildProcess; port: number; url: string }> {
  const file = fileURLToPath(new URL('./remote-host-process.js', import.meta.url))
  const child = fork(file, [String(port)])
  t.teardown(() => child.kill('SIGKILL'))
  const [started] = (await once(child, 'message')) as [{ port: number; url: string }]
  return { child, ...started }
}

/** A peer that gives everybody the same answer. */
async function peer(t: Test, status: number, body: string): Promise<{ url: string }> {
  const server = createHttpServer((_, response) => response.writeHead(status).end(body))
  return { url: await listening(t, server) }
}

async function listening(t: Test, server: Server): Promise<string> {
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

t.test('a peer that accepts and never answers fails the opening in time', async t => {
  const url = await listening(
    t,
    createServer(socket => socket.unref().resume()),
  )
  await t.rejects(RemoteSessionServer.open(remoteOptions(url, { timeoutMs: TIMEOUT_MS })), {
    code: 'REMOTE_TIMEOUT',
  })
})

t.test('a gateway that fails lets go of everything: it can be closed, and opened again', async t => {
  const link = await Link.to(t, await service(t))
  for (let times = 0; times < 3; times++) {
    link.set('open')
    const server = await gateway(t, link.url)
    link.set('reset')
    await server.failed
    await server.close()
    await t.rejects(server.stats(), { code: 'REMOTE_UNREACHABLE' })
  }
})
