/** A program that starts a cluster, uses it, stops it, and has nothing else to do: it should end by itself. */

import { startCluster } from './cluster.js'
import { Visitor } from './visitor.js'

const cluster = await startCluster({ teardown: () => undefined }, { admin: { port: 0 } })
const visitor = new Visitor(cluster.url)
const { text } = await visitor.get('/')
await cluster.stop()
await visitor.leave()
process.stdout.write(`counted ${text}, stopped`)
