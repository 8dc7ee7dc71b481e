/** Connections to a real cluster behave as those to bare node:http. */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { allApps } from '../support/http-apps.js'
import { bareServer, LISTEN } from '../support/http-harness.js'
import { answersAlike } from '../support/http-shapes.js'

t.test('a cluster answers every shape of request byte for byte as bare node:http does', async t => {
  const bare = await bareServer(await allApps())
  t.teardown(() => bare.close())
  const cluster = await startCluster(t, {
    app: 'shapes',
    listen: { servedBy: false, keepAliveTimeout: LISTEN.keepAliveTimeoutMs },
  })
  await answersAlike(t, { bare: bare.port, tested: Number(new URL(cluster.url).port) })
  const { director, webServers } = await cluster.status()
  t.equal(director.requestsInFlight, 0)
  t.same(
    webServers.map(({ requestsInFlight, restarts }) => ({ requestsInFlight, restarts })),
    webServers.map(() => ({ requestsInFlight: 0, restarts: 0 })),
  )
})
