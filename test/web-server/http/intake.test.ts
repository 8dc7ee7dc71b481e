import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { ToWebServer } from '../../../lib/transport/exchange-messages.js'
import { Intake, WAIT_MAX_MS } from '../../../lib/web-server/http/intake.js'
import { until } from '../../support/until.js'

type RequestMessage = Extract<ToWebServer, { readonly type: 'request' }>

function requestOf(id: number, kind: RequestMessage['kind'] = 'request'): RequestMessage {
  const head = {} as RequestMessage['head']
  return { type: 'request', id, kind, head, body: null, bodyEnded: false, rawTrailers: null }
}

/** An app that computes for so long, ms, and an intake before it. */
function appThatComputes(t: Test, ms: number) {
  const seen: string[] = []
  let isOver = false
  t.teardown(() => {
    isOver = true
  })
  const intake = new Intake({
    begin: ({ id }) => {
      seen.push(`begin ${id}`)
      const end = performance.now() + ms
      while (performance.now() < end && !isOver);
    },
    follow: ({ type, id }) => seen.push(`${type} ${id}`),
    refuse: ({ id }) => seen.push(`refuse ${id}`),
  })
  return { seen, intake, count: (what: string) => seen.filter(each => each.startsWith(what)).length }
}

t.test('requests that take no time begin at once', async t => {
  const { seen, intake } = appThatComputes(t, 0)
  for (const id of [1, 2, 3]) intake.take(requestOf(id))
  t.same(seen, ['begin 1', 'begin 2', 'begin 3'])
  t.equal(intake.waiting, 0)
})

t.test('a batch that takes long lets the event loop turn in between, and keeps its order', async t => {
  const { seen, intake, count } = appThatComputes(t, 6)
  for (let id = 1; id <= 12; id++) intake.take(requestOf(id))
  t.ok(count('begin') < 4, 'the first turn is over')
  let turns = 0
  while (intake.waiting > 0) {
    turns++
    await turn()
  }
  t.ok(turns > 3, `${turns} turns`)
  t.same(
    seen,
    Array.from({ length: 12 }, (_, index) => `begin ${index + 1}`),
  )
})

t.test('what follows a request that waits comes after it', async t => {
  const { seen, intake } = appThatComputes(t, 11)
  for (const id of [1, 2]) intake.take(requestOf(id))
  intake.pass({ type: 'body', id: 2, bytes: 'x' })
  intake.pass({ type: 'body', id: 1, bytes: 'x' })
  intake.pass({ type: 'bodyEnd', id: 2, rawTrailers: null })
  await until(() => intake.waiting === 0)
  t.same(seen, ['begin 1', 'body 1', 'begin 2', 'body 2', 'bodyEnd 2'])
})

t.test('the app hears of a client that left before its request began, as in node:http', async t => {
  const { seen, intake } = appThatComputes(t, 11)
  for (const id of [1, 2, 3]) intake.take(requestOf(id))
  intake.pass({ type: 'bodyEnd', id: 2, rawTrailers: null })
  intake.pass({ type: 'abort', id: 2 })
  intake.pass({ type: 'abort', id: 1 })
  await until(() => intake.waiting === 0)
  t.same(seen, ['begin 1', 'abort 1', 'begin 2', 'bodyEnd 2', 'abort 2', 'begin 3'])
})

t.test('under a load without end the app is not asked for clients that have left', async t => {
  const { seen, intake, count } = appThatComputes(t, 20)
  for (let id = 1; id <= 24; id++) intake.take(requestOf(id))
  while (count('begin') < 20) await turn()
  intake.pass({ type: 'abort', id: 23 })
  await until(() => intake.waiting === 0)
  t.notOk(seen.includes('begin 23'))
  t.equal(count('begin'), 23)
})

t.test(
  'under a load without end some are refused at once, tunnels are not, and those let in do not wait too long',
  async t => {
    const { intake, count } = appThatComputes(t, 20)
    let id = 0
    while (count('refuse') < 50) {
      for (let each = 0; each < 8; each++) intake.take(requestOf(++id))
      await turn()
    }
    const waiting = intake.waiting
    intake.take(requestOf(++id, 'tunnel'))
    t.equal(intake.waiting, waiting + 1)
    t.ok(count('begin') >= 8, 'it was seen how long one takes')
    t.ok(waiting * 20 < 2 * WAIT_MAX_MS, `${waiting} wait`)
    t.ok(waiting * 20 > WAIT_MAX_MS / 3, `${waiting} wait`)
  },
)

t.test('a burst is not refused, however large', async t => {
  const { intake, count } = appThatComputes(t, 1)
  for (let id = 1; id <= 5_000; id++) intake.take(requestOf(id))
  t.equal(count('refuse'), 0)
})
