import t from 'tap'
import { comparesWithBare, prepareApps } from './compare.js'

t.test('apps of requests, responses and middleware behave under Troupe as under bare node:http', async t => {
  await prepareApps(t)
  for (const framework of ['node', 'connect', 'express4', 'express5'] as const) {
    await t.test(framework, t => comparesWithBare(t, framework))
  }
})
