/** Files that export nothing and only listen, as they run under node, through a real cluster. */
import t from 'tap'
import { startCluster } from '../support/cluster.js'
import { visit } from '../support/visitor.js'

const files = {
  'express.cjs': `
    const express = require('express')
    const app = express()
    app.get('/', (req, res) => { res.send(String(req.session.count = (req.session.count ?? 0) + 1)) })
    app.listen(3000, () => console.error)`,
  'koa.mjs': `
    import Koa from 'koa'
    const app = new Koa()
    app.use(({ req, response }) => { response.body = String(req.session.count = (req.session.count ?? 0) + 1) })
    app.listen(3000)`,
  'fastify.mjs': `
    import Fastify from 'fastify'
    const app = Fastify()
    app.get('/', async ({ session }) => String(session.count = (session.count ?? 0) + 1))
    await app.listen({ port: 3000 })`,
  'hono.mjs': `
    import { serve } from '@hono/node-server'
    import { Hono } from 'hono'
    import { getSession } from ${JSON.stringify(new URL('../../lib/web-server/adapters/fetch.js', import.meta.url).href)}
    const app = new Hono()
    app.get('/', c => {
      const session = getSession(c.req.raw)
      return c.text(String(session.count = (session.count ?? 0) + 1))
    })
    serve({ fetch: app.fetch, port: 3000 })`,
  'http.mjs': `
    import { createServer } from 'node:http'
    import { setTimeout } from 'node:timers/promises'
    async function main() {
      await setTimeout(50) // a database
      const server = createServer(async ({ session }, res) => res.end(String(session.count = (session.count ?? 0) + 1)))
      server.listen(process.env.PORT ?? 3000)
    }
    main()`,
}

for (const [name, source] of Object.entries(files)) {
  t.test(`${name} runs at two web servers, and its sessions outlive both`, async t => {
    const folder = t.testdir({
      [name]: source,
      node_modules: t.fixture('symlink', `${process.cwd()}/node_modules`),
    })
    const cluster = await startCluster(t, { app: `${folder}/${name}` })
    const visitor = visit(t, cluster.url)
    t.match(await visitor.get('/'), { status: 200, text: '1' })
    await cluster.lose('web-1', 'web-2')
    t.match(await visitor.get('/'), { status: 200, text: '2' })
  })
}
