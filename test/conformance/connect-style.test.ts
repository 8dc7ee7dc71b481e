import t from 'tap'
import { comparesWithBare, prepareApps } from './compare.js'

await prepareApps(t)

for (const framework of ['node', 'connect', 'express4', 'express5'] as const) {
  t.test(`${framework}: an app behaves under Troupe as under bare node:http`, async t => {
    await comparesWithBare(t, framework)
  })
}
