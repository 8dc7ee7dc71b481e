import t from 'tap'
import { comparesWithBare, prepareApps } from './compare.js'

t.test('Koa, Fastify and Hono apps behave under Troupe as under bare node:http', async t => {
  await prepareApps(t)
  for (const framework of ['koa', 'fastify', 'hono'] as const) {
    await t.test(framework, t => comparesWithBare(t, framework))
  }
})
