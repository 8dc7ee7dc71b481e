import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import t from 'tap'
import type { HandoverMessage, RequestMessage, TakeoverMessage } from '../../lib/director/diagnostics.js'
import { createTestCluster } from '../../lib/embedding/test-cluster.js'
import { until } from '../support/until.js'

/** Collects what a channel publishes, until the test ends. */
function collect<M>(channel: string): M[] {
  const messages: M[] = []
  const listener = (message: unknown) => void messages.push(message as M)
  subscribe(channel, listener)
  t.teardown(() => unsubscribe(channel, listener))
  return messages
}

t.test('requests, takeovers and handovers are published to whoever subscribes', async t => {
  const cluster = await createTestCluster(
    (req: { url?: string }, res: { writeHead(s: number): { end(): void } }) =>
      res.writeHead(req.url === '/gone' ? 404 : 200).end(),
  )
  t.teardown(() => cluster.stop())
  await fetch(cluster.url)
  const starts = collect<RequestMessage>('troupe:request:start')
  const ends = collect<RequestMessage>('troupe:request:end')
  const takeovers = collect<TakeoverMessage>('troupe:takeover')
  const handovers = collect<HandoverMessage>('troupe:handover')

  await fetch(`${cluster.url}/gone`)
  t.equal(starts.length, 1, 'that of before had no subscriber')
  t.equal(starts[0], ends[0], 'one object for its whole life')
  t.match(ends, [{ request: { url: '/gone', method: 'GET' }, webServer: /^web-/, statusClass: 4 }])
  t.ok((ends[0]?.durationMs ?? 0) > 0)

  await cluster.crash('web-1')
  await until(() => takeovers.length > 0 && handovers.length > 0)
  t.match(takeovers, [{ from: 'web-1', partitions: 512 }])
  t.match(handovers[0], { from: 'web-2', to: 'web-1', partitions: Number })
})
