import t from 'tap'
import type { Observed } from '../../lib/director/measured.js'
import { Observations } from '../../lib/director/observations.js'
import type { ActorName, Partition } from '../../lib/replication/ids.js'
import { until } from '../support/until.js'

const [WEB_1, WEB_2] = ['web-1', 'web-2'] as ActorName[] as [ActorName, ActorName]
const partitions = (...numbers: number[]) => numbers as Partition[]

function observe(underCopied = () => 0) {
  const observations = new Observations(underCopied)
  const seen: Observed[] = []
  observations.listen(event => seen.push(event))
  return { observations, seen }
}

t.test('a takeover is over when the last partition has a confirmed owner, and is timed', async t => {
  const { observations, seen } = observe()
  observations.takeoverBegan(WEB_1, partitions(1, 2, 3))
  observations.routed(new Set(partitions(1, 9)))
  observations.routed(new Set(partitions(2)))
  t.same(seen, [])
  observations.routed(new Set(partitions(3)))
  t.match(seen, [{ type: 'takeover', from: 'web-1', partitions: 3, durationMs: Number }])
  observations.routed(new Set(partitions(1, 2, 3)))
  t.equal(seen.length, 1, 'once')
  t.equal(observations.counts.takeoverPartitions, 3)
})

t.test('a new owner that dies in turn does not lose the first takeover', async t => {
  const { observations, seen } = observe()
  observations.takeoverBegan(WEB_1, partitions(1, 2))
  observations.routed(new Set(partitions(1)))
  observations.takeoverBegan(WEB_2, partitions(1, 2, 3))
  observations.routed(new Set(partitions(1, 2, 3)))
  t.same(
    seen.map(event => event.type === 'takeover' && event.from),
    ['web-1', 'web-2'],
  )
})

t.test('why an actor ended is one line, however much its error says', async t => {
  const { observations, seen } = observe()
  observations.actorEnded('web-1', 'web-server', { how: 'crashed', error: new Error('no\n  such\tthing') })
  observations.actorEnded('web-1', 'web-server', { how: 'crashed', error: new Error('page '.repeat(1e6)) })
  const reasons = seen.map(event => (event.type === 'actor:ended' ? (event.reason ?? '') : ''))
  t.equal(reasons[0], 'no such thing')
  t.match(reasons[1], /^page page .* …$/)
  t.ok((reasons[1]?.length ?? 0) < 400)
})

t.test('nothing owned and nothing moved is no event', async t => {
  const { observations, seen } = observe()
  observations.takeoverBegan(WEB_1, [])
  observations.handedOver(WEB_1, WEB_2, 0, 5)
  t.same(seen, [])
})

t.test('many changes of copies are few events, and the last says that all is well', async t => {
  let under = 0
  const { observations, seen } = observe(() => under)
  for (under = 1; under < 500; under++) observations.copiesMayHaveChanged()
  await until(() => seen.length === 1)
  t.match(seen, [{ type: 'under-copied', partitions: 500 }])
  under = 0
  observations.copiesMayHaveChanged()
  await until(() => seen.length === 3)
  t.match(seen.slice(1), [
    { type: 'under-copied', partitions: 0 },
    { type: 'resynced', durationMs: Number },
  ])
})

t.test('ends are counted by actor and how, and told with why', async t => {
  const { observations, seen } = observe()
  observations.actorEnded('web-1', 'web-server', { how: 'killed', reason: 'it hung' })
  observations.actorEnded('web-1', 'web-server', { how: 'killed', reason: 'it hung' })
  observations.actorEnded('web-1', 'web-server', { how: 'stopped' })
  t.same(observations.counts.ends, [
    { actor: 'web-1', how: 'killed', count: 2 },
    { actor: 'web-1', how: 'stopped', count: 1 },
  ])
  t.match(seen[0], { reason: 'web-1 was killed: it hung.' })
  t.match(seen[2], { reason: null })
})
