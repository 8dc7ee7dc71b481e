import t from 'tap'
import { allApps } from '../../support/http-apps.js'
import { eventually } from '../../support/http-client.js'
import { bareServer, startFront, workerWebServer } from '../../support/http-harness.js'
import { answersAlike } from '../../support/http-shapes.js'

t.test('every shape of request and response is answered byte for byte as bare node:http answers', async t => {
  const bare = await bareServer(await allApps())
  const { front, router, port } = await startFront()
  const webServer = await workerWebServer(front)
  router.owner = webServer.link
  t.teardown(async () => {
    bare.close()
    await front.stop(0)
    await webServer.close()
  })
  await answersAlike(t, { bare: bare.port, tested: port })
  await eventually(
    async () => front.inFlight === 0 && (await webServer.inFlight()) === 0,
    'nothing left in flight',
  )
  t.equal(webServer.link.inFlight, 0, 'the link counts none either')
})
