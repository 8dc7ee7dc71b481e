/** The claims of the system, one end-to-end test each: real HTTP against a real cluster. */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { Visitor } from '../support/visitor.js'

t.test(
  'takeover: sessions of a dead web server carry on at another, copied back from the session servers',
  async t => {
    const cluster = await startCluster(t)
    const visitors = Array.from({ length: 20 }, () => new Visitor(cluster.url))
    t.teardown(() => Promise.all(visitors.map(visitor => visitor.leave())))
    await cluster.whole()
    for (const visitor of visitors) t.equal((await visitor.get('/')).text, '1')
    await cluster.kill('web-1')
    const answers = await Promise.all(visitors.map(visitor => visitor.get('/')))
    t.same(
      answers.map(({ status, text }) => `${status} ${text}`),
      visitors.map(() => '200 2'),
    )
    const { webServers } = await cluster.whole()
    t.equal(webServers.find(({ name }) => name === 'web-1')?.restarts, 1)
  },
)
