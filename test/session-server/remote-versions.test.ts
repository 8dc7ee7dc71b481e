/** Hosts of different versions of Troupe: they work together within one major version, and refuse each other beyond it. */
import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createInterface } from 'node:readline'
import { text } from 'node:stream/consumers'
import t, { type Test } from 'tap'
import { PARTITION_COUNT } from '../../lib/replication/ids.js'
import { parseSeal, sealOf } from '../../lib/session-server/protocol/seal.js'
import { authorizationOf, digestOf, parseAuthorization } from '../../lib/session-server/protocol/signature.js'
import { startCluster } from '../support/cluster.js'
import { until } from '../support/until.js'
import { Crowd } from '../support/visitor.js'
import { gateway, KEY, service } from './remote-harness.js'
import { applyOf, claimOf, mutationOf, readOf, TestOwner } from './session-server-tests.js'

type Line = Readonly<Record<string, unknown>>
type Change = (line: Line) => Line

const same: Change = line => line
/** Fields that no version knows yet, at every level. */
const withMore: Change = line =>
  Object.fromEntries([
    ...Object.entries(line).map(([key, value]) => [key, moreWithin(value)]),
    ['later', { version: [1, 9] }],
  ])
function ofVersion(major: number, minor: number): Change {
  return line => ({ ...withMore(line), ...('protocol' in line ? { protocol: { major, minor } } : {}) })
}

function moreWithin(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(moreWithin)
  return typeof value === 'object' && value !== null ? withMore(value as Line) : value
}

/**
 * A host of another version: a real service of this one, of which each line of JSON is changed on its way in and out.
 * It has the key, so that what it changes is signed and sealed again.
 */
class OtherVersion {
  asked: Change = same
  answered: Change = same
  readonly port: number
  readonly #target: string

  private constructor(target: string, port: number) {
    this.#target = target
    this.port = port
  }

  /** In front of a service of one session server, a. */
  static async start(t: Test): Promise<OtherVersion> {
    const { url } = await service(t)
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const other = new OtherVersion(url, (server.address() as AddressInfo).port)
    server.on('request', (near, toNear) => void other.#passOn(near, toNear))
    t.teardown(() => {
      server.close()
      server.closeAllConnections()
    })
    return other
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`
  }

  async #passOn(near: IncomingMessage, toNear: ServerResponse): Promise<void> {
    const { method = '', url: target = '', headers } = near
    const body = (await text(near)).split('\n').map(line => changed(line, this.asked))
    const signature = parseAuthorization(headers.authorization ?? '')
    if (signature === null) throw new Error('gateways sign every request')
    const { time, nonce } = signature
    const digest = digestOf(body.join('\n'))
    const authorization = authorizationOf(KEY.id, KEY.secret, { method, target, time, nonce, digest })
    const far = request(`${this.#target}${target}`, { method, headers: { authorization }, agent: false })
    far.on('error', () => toNear.destroy())
    far.on('response', far => void this.#answer(far, nonce, toNear))
    far.end(body.join('\n'))
  }

  async #answer(far: IncomingMessage, nonce: string, toNear: ServerResponse): Promise<void> {
    const status = far.statusCode ?? 0
    toNear.writeHead(status)
    let index = 0
    let block = ''
    for await (const line of createInterface(far)) {
      const seal = parseSeal(line)
      if (seal === null) {
        block += `${changed(line, this.answered)}\n`
        continue
      }
      const { isLast } = seal
      const sealed = { nonce, status, index: index++, isLast, digest: digestOf(block) }
      toNear.write(`${block}${sealOf(KEY.secret, sealed)}\n`)
      block = ''
    }
    toNear.end()
  }
}

/** Fences and empty lines are left as they are. */
function changed(line: string, change: Change): string {
  return line.startsWith('{') ? JSON.stringify(change(JSON.parse(line))) : line
}

/** Everything that a web server asks of a session server. */
async function works(t: Test, other: OtherVersion): Promise<void> {
  const server = await gateway(t, other.url)
  const owner = new TestOwner(server)
  owner.send(claimOf(3, 's1'))
  t.match(await owner.ask(applyOf(1, mutationOf('s1', '{"n":1}', { epoch: 3 }))), {
    type: 'applied',
    fenced: [],
  })
  t.match(await owner.ask(applyOf(2, mutationOf('s1', '{"n":0}', { epoch: 2 }))), { fenced: [{ epoch: 3 }] })
  t.match(await owner.ask(readOf(3, 's1', 's2')), { copies: [{ id: 's1', epoch: 3, data: '{"n":1}' }, null] })
  const { partition } = mutationOf('s1')
  t.match(await owner.ask({ type: 'list', call: 4, partition }), {
    entries: [{ id: 's1', epoch: 3, version: 1 }],
    more: false,
  })
  t.match(await server.stats(), { sessions: 1 })
  const fences = await server.fences()
  t.equal(fences.length, PARTITION_COUNT)
  t.equal(fences[partition], 3)
}

t.test('a session host with a newer minor version, and fields of it, works with this one', async t => {
  const other = await OtherVersion.start(t)
  other.answered = ofVersion(1, 9)
  await works(t, other)
})

t.test('a web host with a newer minor version, and fields of it, works with this one', async t => {
  const other = await OtherVersion.start(t)
  other.asked = ofVersion(1, 9)
  await works(t, other)
})

t.test('a message that was not agreed on is refused, and nothing after it is applied', async t => {
  const other = await OtherVersion.start(t)
  other.asked = line => (line.batch === 2 ? { ...line, type: 'merge' } : line)
  const server = await gateway(t, other.url)
  const owner = new TestOwner(server)
  await owner.ask(applyOf(1, mutationOf('s1', '"one"')))
  owner.send(applyOf(2, mutationOf('s1', '"two"', { version: 2 })))
  t.match(await server.failed, { code: 'REMOTE_REFUSED', reason: 'MALFORMED' })
  t.same(await new TestOwner(await gateway(t, other.url)).read('s1'), ['"one"'])
})

t.test('an answer that was not agreed on acknowledges nothing', async t => {
  const other = await OtherVersion.start(t)
  other.answered = line => (line.type === 'applied' ? { ...line, type: 'kept' } : line)
  const server = await gateway(t, other.url)
  const owner = new TestOwner(server)
  owner.send(applyOf(1, mutationOf('s1')))
  t.match(await server.failed, { code: 'REMOTE_ANSWER' })
  t.same(owner.answers, [])
})

t.test('a session host of another major version is told in the log; upgraded, it joins', async t => {
  const other = await OtherVersion.start(t)
  other.answered = ofVersion(2, 0)
  const cluster = await startCluster(t, {
    hosts: { 'web-1': '127.0.0.1', 'store-1': '127.0.0.1' },
    webServers: { on: 'web-1' },
    sessionServers: [
      { name: 'a', on: 'store-1', port: other.port },
      { name: 'b', on: 'web-1' },
    ],
    cluster: { key: [KEY] },
    startTimeout: '200ms',
  })
  const [refused] = cluster.logged.filter(({ msg }) => msg === 'lost')
  t.match(refused, {
    actor: 'a',
    err: { code: 'REMOTE_VERSION', message: /speaks version 2\.0 of the protocol, this one 1\.\d+: / },
  })
  const crowd = new Crowd(t, cluster.url, 20)
  t.same(await crowd.get('/'), ['200 1'], 'the others serve')
  t.equal((await cluster.status()).partitions.underCopied, 1024)
  other.answered = ofVersion(1, 9)
  await until(async () => (await cluster.status()).partitions.underCopied === 0)
  await cluster.keepDown('b')
  await cluster.lose('web-1', 'web-2')
  t.same(await crowd.get('/'), ['200 2'])
})
