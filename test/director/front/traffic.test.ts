import type { Socket } from 'node:net'
import t from 'tap'
import { Connection } from '../../../lib/director/front/connection.js'
import { Flight } from '../../../lib/director/front/flight.js'
import { METHOD_CLASSES, OUTCOMES, statusClassIn, Traffic } from '../../../lib/director/front/traffic.js'

/** A request that has come so far. */
function flight(method: string, changes: Partial<Flight> = {}, kind: Flight['kind'] = 'request'): Flight {
  const made = new Flight(
    kind,
    { method } as Flight['req'],
    {} as Flight['answer'],
    Connection.of<Flight>({} as Socket),
    null,
  )
  return Object.assign(made, changes)
}

function counts(traffic: Traffic, webServer: string | null): Record<string, number> {
  const of = traffic.read().find(each => each.webServer === webServer)
  const entries = METHOD_CLASSES.flatMap((method, row) =>
    OUTCOMES.map((status, column): [string, number] => [
      `${method} ${status}`,
      of?.requests[row]?.[column] ?? 0,
    ]),
  )
  return Object.fromEntries(entries.filter(([, count]) => count > 0))
}

t.test('the class of a status is read from the first bytes of an answer, in either form', async t => {
  for (const status of [200, 302, 404, 503]) {
    const head = `HTTP/1.1 ${status} Some Reason\r\n\r\n`
    t.equal(statusClassIn(head), Math.floor(status / 100))
    t.equal(statusClassIn(Buffer.from(head)), Math.floor(status / 100))
  }
  t.equal(statusClassIn('HTTP/1.1 101 Switching Protocols\r\n\r\n'), 1)
  t.equal(statusClassIn('HTTP/1.1 103 Early Hints\r\n\r\n'), 0, 'an interim answer: the next tells')
  t.equal(statusClassIn(Buffer.from('HTTP/1.1 100 Continue\r\n\r\n')), 0)
  t.equal(statusClassIn('a body of 5 bytes or so'), 0)
  t.equal(statusClassIn(new Uint8Array(0)), 0)
})

t.test('requests are counted by who had them, what they do and how they ended', async t => {
  const traffic = new Traffic()
  const answered = { begun: true, responseEnded: true }
  traffic.ended(flight('GET', { ...answered, statusClass: 2 }), 'web-1')
  traffic.ended(flight('HEAD', { ...answered, statusClass: 3 }), 'web-1')
  traffic.ended(flight('POST', { ...answered, statusClass: 4 }), 'web-1')
  traffic.ended(flight('DELETE', { begun: true, statusClass: 2 }), 'web-1')
  traffic.ended(flight('GET'), 'web-2')
  traffic.ended(flight('GET', { statusClass: 5 }), null)
  t.same(counts(traffic, 'web-1'), { 'read 2xx': 1, 'read 3xx': 1, 'write 4xx': 1, 'write cut': 1 })
  t.same(counts(traffic, 'web-2'), { 'read aborted': 1 })
  t.same(counts(traffic, null), { 'read 5xx': 1 })
})

t.test('tunnels and those who left do not count as slow answers', async t => {
  const traffic = new Traffic()
  traffic.ended(flight('GET', { begun: true, responseEnded: true, statusClass: 1 }, 'tunnel'), 'web-1')
  traffic.ended(flight('GET'), 'web-1')
  traffic.ended(flight('GET', { begun: true, responseEnded: true, statusClass: 2 }), 'web-1')
  const [of] = traffic.read()
  const durations = of?.durations[0]?.counts.reduce((sum, count) => sum + count, 0)
  t.equal(durations, 1)
})
