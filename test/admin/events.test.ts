import { once } from 'node:events'
import { request as httpRequest, type IncomingMessage } from 'node:http'
import { connect } from 'node:net'
import t from 'tap'
import { EventLog } from '../../lib/admin/event-log.js'
import type { Observed } from '../../lib/director/measured.js'
import { until } from '../support/until.js'
import { listen } from './listener.js'

interface Read {
  readonly id: string | undefined
  readonly type: string | undefined
  readonly data: Record<string, unknown>
}

/** Reads server-sent events as they come. */
async function readEvents(t: { teardown(end: () => unknown): void }, url: string, lastId?: string) {
  const sent = httpRequest(
    `${url}/events`,
    lastId === undefined ? {} : { headers: { 'last-event-id': lastId } },
  ).end()
  sent.on('error', () => {})
  t.teardown(() => sent.destroy())
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const events: Read[] = []
  let rest = ''
  response.setEncoding('utf8')
  response.on('error', () => {})
  response.on('data', (text: string) => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop() ?? ''
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1]
      const data = field('data')
      if (data !== undefined) events.push({ id: field('id'), type: field('event'), data: JSON.parse(data) })
    }
  })
  return { events, response }
}

const started = (actor: string): Observed => ({ type: 'actor:started', actor, role: 'web-server' })

t.test('/events tells what happens, with its time, and first what has happened', async t => {
  const { url, tell } = await listen(t)
  tell(started('web-1'))
  const { events, response } = await readEvents(t, url)
  t.equal(response.headers['content-type'], 'text/event-stream; charset=utf-8')
  tell({ type: 'takeover', from: 'web-1', partitions: 512, durationMs: 31.5 })
  await until(() => events.length === 2)
  t.match(events, [
    { type: 'actor:started', data: { actor: 'web-1', role: 'web-server', at: Number } },
    { type: 'takeover', data: { from: 'web-1', partitions: 512, durationMs: 31.5, at: Number } },
  ])
})

t.test('a reader that comes again with Last-Event-ID gets what it missed, and nothing twice', async t => {
  const { url, tell } = await listen(t)
  tell(started('web-1'))
  tell(started('web-2'))
  const first = await readEvents(t, url)
  await until(() => first.events.length === 2)
  first.response.destroy()
  tell(started('web-3'))
  const second = await readEvents(t, url, first.events[1]?.id)
  tell(started('web-4'))
  await until(() => second.events.length === 2)
  t.same(
    second.events.map(({ data }) => data.actor),
    ['web-3', 'web-4'],
  )
})

t.test('the log keeps the latest 256, says how many are lost, and knows its own life', async t => {
  const log = new EventLog()
  const first = log.add(started('web-0'), 1).id
  for (let number = 1; number <= 300; number++) log.add(started(`web-${number}`), 1)
  const { missed, events } = log.after(first)
  t.equal(events.length, 256)
  t.equal(missed, 44)
  t.same(log.after(events.at(-1)?.id ?? null), { missed: 0, events: [] })
  t.equal(log.after('another-1').events.length, 256, 'a number of another life means nothing')
  t.equal(log.after(null).events.length, 256)
})

t.test('readers have a bound, beyond which health is still told', async t => {
  const { url } = await listen(t)
  for (let reader = 0; reader < 16; reader++) await readEvents(t, url)
  const { response } = await readEvents(t, url)
  t.equal(response.statusCode, 503)
  t.ok(response.headers['retry-after'])
  t.equal((await fetch(`${url}/healthz`)).status, 200)
})

t.test('a reader that does not read is cut, rather than buffered for', async t => {
  const { url, tell } = await listen(t)
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  t.teardown(() => socket.destroy())
  await once(socket, 'connect')
  socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  await once(socket, 'readable')
  let isGone = false
  socket.on('error', () => {})
  socket.on('close', () => {
    isGone = true
  })
  const long: Observed = {
    type: 'actor:ended',
    actor: 'web-1',
    role: 'web-server',
    how: 'crashed',
    reason: 'x'.repeat(60_000),
  }
  const after = await readEvents(t, url)
  // What the system buffers on both sides is some megabytes.
  for (let written = 0; written < 400; written++) {
    tell(long)
    await new Promise(setImmediate)
  }
  socket.resume()
  await until(() => isGone)
  await until(() => after.events.length >= 400)
  t.pass('the other reader had all of it')
})

t.test('close ends the streams', async t => {
  const { url, close } = await listen(t)
  const { response } = await readEvents(t, url)
  const ended = once(response, 'close')
  await close()
  await ended
})
