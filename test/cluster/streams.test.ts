/** Bodies of any length pass through a real cluster in bounded memory, and clients that go away leave nothing behind. */
import { once } from 'node:events'
import { connect } from 'node:net'
import t, { type Test } from 'tap'
import { request } from 'undici'
import { startCluster, type TestCluster } from '../support/cluster.js'
import { type StreamJob, type StreamResult, stream } from '../support/load-streams.js'
import { mib, peakMemory } from '../support/memory.js'
import { pattern } from '../support/stream-pattern.js'
import { until } from '../support/until.js'

const MIB = 1024 * 1024
const GIB = 1024 * MIB
/** What a stream may add to the process: young heaps and socket buffers of every thread, not the stream. */
const GROWTH_BYTES_MAX = 150 * MIB
/** More than may be kept, in either direction. */
const SLOW_BYTES = 256 * MIB

/** Runs one stream and says what it took. */
async function measured(t: Test, what: string, job: StreamJob): Promise<StreamResult> {
  const startedAt = performance.now()
  const { result, before, peak } = await peakMemory(() => stream(job))
  const seconds = (performance.now() - startedAt) / 1000
  t.comment(
    `${what}: ${seconds.toFixed(1)} s; rss ${mib(before.rss)} before, ${mib(peak.rss)} at most; ` +
      `external ${mib(before.external)} before, ${mib(peak.external)} at most`,
  )
  t.ok(peak.rss - before.rss < GROWTH_BYTES_MAX, `${what}: memory stays bounded`)
  return result
}

t.test('1 GiB up, 1 GiB down, and both at once to a slow client', { timeout: 300_000 }, async t => {
  const cluster = await startCluster(t, { app: 'streams' })
  const upload = { url: `${cluster.url}/upload`, method: 'POST', slow: false } as const
  const download = (bytes: number) =>
    ({ url: `${cluster.url}/download?bytes=${bytes}`, method: 'GET', bytes: 0, slow: false }) as const
  // Code and heaps as they are in a cluster that has served.
  await stream({ ...upload, bytes: 64 * MIB })
  await stream(download(64 * MIB))

  const up = await measured(t, 'upload of 1 GiB', { ...upload, bytes: GIB })
  t.same(JSON.parse(up.text), { bytes: GIB, sha1: up.sentSha1 })
  const down = await measured(t, 'download of 1 GiB', download(GIB))
  t.equal(down.receivedBytes, GIB)
  t.equal(down.receivedSha1, up.sentSha1, 'both are the same pattern')
  const both = await measured(t, '256 MiB both ways at once, read slowly', {
    url: `${cluster.url}/echo`,
    method: 'POST',
    bytes: SLOW_BYTES,
    slow: true,
  })
  t.equal(both.receivedBytes, SLOW_BYTES)
  t.equal(both.receivedSha1, both.sentSha1)
})

interface Heard {
  readonly begun: number
  readonly aborted: number
  readonly closedEarly: number
  readonly heapBytes: number
}

/** What the apps of all web servers heard. */
async function heardBy(cluster: TestCluster): Promise<Heard> {
  const { webServers } = await cluster.status()
  const byServer = new Map<string, Heard>()
  while (byServer.size < webServers.length) {
    const { headers, body } = await request(`${cluster.url}/heard`)
    byServer.set(String(headers['x-served-by']), (await body.json()) as Heard)
  }
  const sum = { begun: 0, aborted: 0, closedEarly: 0, heapBytes: 0 }
  for (const heard of byServer.values()) {
    sum.begun += heard.begun
    sum.aborted += heard.aborted
    sum.closedEarly += heard.closedEarly
    sum.heapBytes += heard.heapBytes
  }
  return sum
}

const BEGINNING_BYTES = 128 * 1024

/** Ways to be in the middle of a request. */
const ABANDONED = {
  download: `GET /download?bytes=${GIB} HTTP/1.1\r\nHost: a\r\n\r\n`,
  'upload that is read': `POST /read HTTP/1.1\r\nHost: a\r\nContent-Length: ${GIB}\r\n\r\n`,
  'upload that is not read': `POST /unread HTTP/1.1\r\nHost: a\r\nContent-Length: ${GIB}\r\n\r\n`,
}
const WAYS = Object.values(ABANDONED)

/** Begins a request, and goes away once its answer has begun. */
async function abandon(cluster: TestCluster, head: string): Promise<void> {
  const { hostname, port } = new URL(cluster.url)
  const socket = connect(Number(port), hostname)
  // Whatever the cluster does about it is seen at the cluster.
  socket.on('error', () => undefined)
  socket.write(head)
  // Less than a window: beyond it the connection is not read, and like bare node:http the front learns of its end only
  // when somebody reads or writes again.
  if (head.startsWith('POST')) for (const piece of pattern(BEGINNING_BYTES)) socket.write(piece)
  await once(socket, 'data')
  socket.destroy()
  await once(socket, 'close')
}

async function abandonAll(t: Test, cluster: TestCluster, times: number): Promise<Heard> {
  const before = await heardBy(cluster)
  for (let done = 0; done < times; done++) {
    await Promise.all(WAYS.map(head => abandon(cluster, head)))
  }
  const expected = WAYS.length * times
  await until(async () => (await heardBy(cluster)).closedEarly - before.closedEarly >= expected)
  const after = await heardBy(cluster)
  t.equal(after.begun - before.begun, expected, 'every request reached the app')
  t.equal(after.aborted - before.aborted, expected, 'every request was aborted')
  await until(async () => {
    const { director, webServers } = await cluster.status()
    return (
      director.requestsInFlight === 0 && webServers.every(({ requestsInFlight }) => requestsInFlight === 0)
    )
  })
  return after
}

t.test('clients that go away in the middle leave nothing behind', { timeout: 120_000 }, async t => {
  const cluster = await startCluster(t, { app: 'streams' })
  const idle = socketsOf(process)
  await abandonAll(t, cluster, 40)
  const heapOf = async () => (await heardBy(cluster)).heapBytes
  const warm = await heapOf()
  await abandonAll(t, cluster, 100)
  const grown = (await heapOf()) - warm
  t.comment(
    `heap of all web servers: ${mib(warm)}, ${Math.round(grown / 1024)} KiB more after 300 more aborts`,
  )
  t.ok(grown < 4 * MIB, 'the heaps of the web servers stay flat')
  // Its own connection for asking what was heard stays open.
  await until(() => socketsOf(process) <= idle + 2)
  t.pass('every connection is closed')
  // A web server gives partitions away only when no request uses their sessions.
  await cluster.kill('web-1')
  await cluster.whole()
  await cluster.kill('web-2')
  await cluster.whole()
  t.pass('no session is still in use')
})

function socketsOf(of: NodeJS.Process): number {
  return of.getActiveResourcesInfo().filter(name => name === 'TCPSocketWrap').length
}
