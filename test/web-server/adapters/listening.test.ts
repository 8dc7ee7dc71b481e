/** Apps that listen by themselves, unmodified: what they are told, and which of their servers is the app. */
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import t from 'tap'
import { AppFolder, LISTENING, load, serve } from './adapters-fixtures.js'

const apps = new AppFolder()
t.teardown(() => apps.remove())

async function text(url: string): Promise<string> {
  return await (await fetch(url)).text()
}

/** Whether somebody listens on a port of this machine. */
async function isBound(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const bound = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return bound
}

/** Ports that nobody has: one for each test. */
let port = 20_000 + (process.pid % 20_000)
const nextPort = (): number => port++

/** Files that only listen, as the documentation of each framework has them. */
const unmodified: Record<string, string> = {
  'http.mjs': `
    import { createServer } from 'node:http'
    createServer((req, res) => res.end('hi ' + req.session.user)).listen(PORT)`,
  'http.cjs': `
    const http = require('http')
    const server = http.createServer()
    server.on('request', (req, res) => res.end('hi ' + req.session.user))
    server.listen({ port: PORT, host: '0.0.0.0' }, () => {})`,
  'https.mjs': `
    import https from 'node:https'
    https.createServer({}, (req, res) => res.end('hi ' + req.session.user)).listen('PORT', '127.0.0.1')`,
  'express.cjs': `
    const express = require('express')
    const app = express()
    app.get('/', (req, res) => { res.send('hi ' + req.session.user) })
    app.listen(PORT, () => {})`,
  'express4.cjs': `
    const express = require('express4')
    const app = express()
    app.get('/', (req, res) => { res.send('hi ' + req.session.user) })
    module.exports.server = app.listen(PORT)`,
  'connect.mjs': `
    import connect from 'connect'
    connect().use((req, res) => res.end('hi ' + req.session.user)).listen(PORT)`,
  'koa.mjs': `
    import Koa from 'koa'
    const app = new Koa()
    app.use(ctx => { ctx.body = 'hi ' + ctx.req.session.user })
    app.listen(PORT)`,
  'fastify-await.mjs': `
    import Fastify from 'fastify'
    const app = Fastify()
    app.get('/', async request => 'hi ' + request.session.user)
    await app.listen({ port: PORT })`,
  'fastify-callback.mjs': `
    import Fastify from 'fastify'
    const app = Fastify()
    app.get('/', async request => 'hi ' + request.session.user)
    app.listen({ port: PORT, host: '0.0.0.0' }, error => { if (error) throw error })`,
  'fastify-ready.mjs': `
    import Fastify from 'fastify'
    const app = Fastify()
    app.get('/', async request => 'hi ' + request.session.user)
    await app.ready()
    await app.listen({ port: PORT })`,
  'hono.mjs': `
    import { serve } from '@hono/node-server'
    import { Hono } from 'hono'
    const app = new Hono()
    app.get('/', c => c.text('hi ' + c.env.incoming.session.user))
    serve({ fetch: app.fetch, port: PORT })`,
  'ws.mjs': `
    import { createServer } from 'node:http'
    import { WebSocketServer } from 'ws'
    const server = createServer((req, res) => res.end('hi ' + req.session.user))
    new WebSocketServer({ server })
    server.listen(PORT)`,
  'late.mjs': `
    import { createServer } from 'node:http'
    import { setTimeout } from 'node:timers/promises'
    async function main() {
      await setTimeout(30)
      createServer((req, res) => res.end('hi ' + req.session.user)).listen(PORT)
    }
    main()
    export const ready = false`,
  'create.mjs': `
    import Fastify from 'fastify'
    export async function create() {
      const app = Fastify()
      app.get('/', async request => 'hi ' + request.session.user)
      await app.listen({ port: PORT })
      return app
    }`,
  'create-server.mjs': `
    import { createServer } from 'node:http'
    export const create = () => createServer((req, res) => res.end('hi ' + req.session.user))`,
  'export-server.mjs': `
    import { createServer } from 'node:http'
    export default createServer((req, res) => res.end('hi ' + req.session.user))`,
  'export-https.mjs': `
    import { createServer } from 'node:https'
    export default createServer({}, (req, res) => res.end('hi ' + req.session.user))`,
  'export-listening.cjs': `
    const express = require('express')
    const app = express()
    app.get('/', (req, res) => { res.send('hi ' + req.session.user) })
    module.exports = app.listen(PORT)`,
  'both-express.mjs': `
    import express from 'express'
    const app = express()
    app.get('/', (req, res) => { res.send('hi ' + req.session.user) })
    app.listen(PORT)
    export default app`,
  'both-koa.mjs': `
    import Koa from 'koa'
    const app = new Koa()
    app.use(ctx => { ctx.body = 'hi ' + ctx.req.session.user })
    app.listen(PORT)
    export default app`,
  'both-fastify.mjs': `
    import Fastify from 'fastify'
    const app = Fastify()
    app.get('/', async request => 'hi ' + request.session.user)
    app.listen({ port: PORT })
    export default app`,
  'both-hono.mjs': `
    import { serve } from '@hono/node-server'
    import { Hono } from 'hono'
    const app = new Hono()
    app.get('/', c => c.text('hi ' + c.env.incoming.session.user))
    serve({ fetch: app.fetch, port: PORT })
    export default app`,
}

for (const [name, source] of Object.entries(unmodified)) {
  t.test(`${name} is served and binds nothing`, async t => {
    const port = nextPort()
    const file = apps.write(name, source.replaceAll('PORT', String(port)))
    await serve(file, { user: 'ann' }, async url => t.equal(await text(url), 'hi ann'))
    t.notOk(await isBound(port))
  })
}

t.test('a server that listens is told the address of the director, and its callback is called', async t => {
  const file = apps.write(
    'told.mjs',
    `
    import { createServer } from 'node:http'
    const told = []
    const server = createServer((req, res) => res.end(JSON.stringify(told)))
    server.on('listening', () => told.push('event', server.listening))
    const returned = server.listen(3000, () => told.push('callback', server.address()))
    told.push(returned === server, server.listening)
    await new Promise(resolve => setImmediate(resolve))`,
  )
  await serve(file, {}, async url =>
    t.same(JSON.parse(await text(url)), [true, true, 'event', true, 'callback', LISTENING]),
  )
})

t.test('what it is told where the director listens on any free port, or on a socket', async t => {
  const source = `import { createServer } from 'node:http'
    const server = createServer((req, res) => res.end(JSON.stringify(server.address())))
    server.listen(4000)`
  const told = async (name: string, listening: typeof LISTENING | string | null): Promise<unknown> => {
    const { server } = await load(apps.write(name, source), { listening })
    return server.address()
  }
  t.same(await told('any.mjs', { ...LISTENING, port: 0 }), { ...LISTENING, port: 4000 })
  t.equal(await told('socket.mjs', '/run/app.sock'), '/run/app.sock')
  t.same(await told('unknown.mjs', null), { address: '127.0.0.1', family: 'IPv4', port: 4000 })
})

t.test('close works as in node, does not end the web server, and it may listen again', async t => {
  const { server } = await load(
    apps.write('close.mjs', `import { createServer } from 'node:http'; createServer().listen(3000)`),
  )
  await once(server, 'listening')
  const closed = once(server, 'close')
  t.equal(await new Promise(resolve => server.close(resolve)), undefined)
  await closed
  t.same([server.listening, server.address()], [false, null])
  t.match(await new Promise(resolve => server.close(resolve)), { code: 'ERR_SERVER_NOT_RUNNING' })
})

t.test('a server may close and listen again, and is still the app', async t => {
  const file = apps.write(
    'again.mjs',
    `
    import { createServer } from 'node:http'
    import { once } from 'node:events'
    const server = createServer((req, res) => res.end('again'))
    server.listen(PORT)
    await once(server, 'listening')
    server.close()
    await once(server, 'close')
    server.listen(PORT + 1)
    await once(server, 'listening')`.replaceAll('PORT', String(nextPort())),
  )
  const at = nextPort()
  await serve(file, {}, async url => t.equal(await text(url), 'again'))
  t.notOk(await isBound(at))
})

t.test('a signal closes it', async t => {
  const { server } = await load(
    apps.write(
      'signal.mjs',
      `import { createServer } from 'node:http'
      const stop = new AbortController()
      createServer((req, res) => { stop.abort(); res.end() }).listen({ port: 3000, signal: stop.signal })`,
    ),
  )
  const closed = once(server, 'close')
  server.emit('request', {}, { end() {} })
  await closed
  t.notOk(server.listening)
})

t.test('what node refuses is refused as node does', async t => {
  const cases: [string, string, RegExp][] = [
    ['twice.mjs', 'const s = createServer(); s.listen(3000); s.listen(3000)', /more than once/],
    ['port.mjs', 'createServer().listen(70_000)', /should be >= 0 and < 65536/],
    ['nowhere.mjs', 'createServer().listen({})', /must have the property/],
  ]
  for (const [name, source, message] of cases) {
    const file = apps.write(name, `import { createServer } from 'node:http'; ${source}`)
    await t.rejects(load(file), { code: 'APP_LOAD_FAILED', message }, name)
  }
})

t.test(
  'servers on the same port, or the director’s, are the same app; on another they really listen',
  async t => {
    const [own, other, raw] = [nextPort(), nextPort(), nextPort()]
    const file = apps.write(
      'several.mjs',
      `
    import { createServer } from 'node:http'
    import { createServer as createRaw } from 'node:net'
    import { once } from 'node:events'
    const answer = text => (req, res) => res.end(text)
    export const servers = [
      createServer(answer('first')).listen(${own}, '127.0.0.1'),
      createServer(answer('second')).listen(${own}, '::1'),
      createServer(answer('third')).listen(${LISTENING.port}),
      createServer(answer('other')).listen(${other}),
      createRaw(socket => socket.on('error', () => {}).end('raw')).listen(${raw}),
    ]
    await Promise.all(servers.map(server => once(server, 'listening')))
    globalThis.closeServers = () => servers.forEach(server => server.close())`,
    )
    await serve(file, {}, async url => {
      t.equal(await text(url), 'first')
      t.equal(await text(`http://127.0.0.1:${other}`), 'other')
      t.same([await isBound(own), await isBound(raw)], [false, true])
    })
    ;(globalThis as unknown as { closeServers(): void }).closeServers()
  },
)

t.test('beside an exported app other servers really listen, once', async t => {
  const [own, other] = [nextPort(), nextPort()]
  const file = apps.write(
    'side.mjs',
    `
    import express from 'express'
    import { createServer } from 'node:http'
    const side = createServer((req, res) => res.end('side ' + calls))
    let calls = 0
    side.listen(${other}, '127.0.0.1', () => { calls++ })
    const app = express()
    app.get('/', (req, res) => { res.send('app') })
    app.get('/close', (req, res) => { side.close(); res.send('closed') })
    app.listen(${own})
    export default app`,
  )
  await serve(file, {}, async url => {
    t.equal(await text(url), 'app')
    t.equal(await text(`http://127.0.0.1:${other}`), 'side 1')
    t.notOk(await isBound(own))
    t.equal(await text(`${url}/close`), 'closed')
  })
})

t.test(
  'a server with sockets that belongs to the exported app is the app, also when it listens late',
  async t => {
    const source = (when: string): string => `
    import express from 'express'
    import { createServer } from 'node:http'
    const app = express()
    app.get('/', (req, res) => { res.send('app') })
    const server = createServer(app)
    server.on('upgrade', (req, socket) => socket.push('upgraded'))
    ${when}
    export default app`
    for (const [name, when] of [
      ['sockets.mjs', `server.listen(${nextPort()})`],
      ['sockets-late.mjs', `setImmediate(() => server.listen(${nextPort()}))`],
    ] as const) {
      const app = await load(apps.write(name, source(when)))
      await new Promise(resolve => setTimeout(resolve, 20))
      const pushed: string[] = []
      t.ok(app.server.emit('upgrade', {}, { push: (text: string) => pushed.push(text) }), name)
      t.same(pushed, ['upgraded'], name)
    }
  },
)

t.test('export function upgrade goes beside a listener, of ESM and CommonJS', async t => {
  const listener = "(req, res) => res.end('app')"
  const files = [
    apps.write(
      'upgrade.mjs',
      `export default ${listener}; export function upgrade(req, socket, head) { socket.push(head) }`,
    ),
    apps.write(
      'upgrade.cjs',
      `module.exports = ${listener}; module.exports.upgrade = (req, socket, head) => socket.push(head)`,
    ),
  ]
  for (const file of files) {
    const { server } = await load(file)
    const pushed: string[] = []
    server.emit('upgrade', {}, { push: (text: string) => pushed.push(text) }, 'head')
    t.same(pushed, ['head'], file)
  }
})

t.test('a module that is only meant to listen when run directly is used by its export', async t => {
  const files = [
    apps.write(
      'main.cjs',
      `const app = (req, res) => res.end('exported')
      if (require.main === module) require('http').createServer(app).listen(3000)
      module.exports = app`,
    ),
    apps.write(
      'main.mjs',
      `import { createServer } from 'node:http'
      import { pathToFileURL } from 'node:url'
      const app = (req, res) => res.end('exported')
      if (import.meta.main || import.meta.url === pathToFileURL(process.argv[1]).href) createServer(app).listen(3000)
      export default app`,
    ),
  ]
  for (const file of files) await serve(file, {}, async url => t.equal(await text(url), 'exported'))
})

t.test('an app that neither exports nor listens is told what was expected, after the deadline', async t => {
  const cases: [string, string, RegExp][] = [
    [
      'empty.mjs',
      '',
      /exports nothing and called listen on no server within 20 ms\. Expected is a default export/,
    ],
    [
      'main-only.cjs',
      'if (require.main === module) process.exit(1)',
      /an object without members.*require\.main/,
    ],
    ['raw.mjs', 'import net from "node:net"; net.createServer().listen(0).unref()', /exports nothing/],
  ]
  for (const [name, source, message] of cases) {
    await t.rejects(load(apps.write(name, source)), { code: 'APP_LOAD_FAILED', message }, name)
  }
})

t.test('what listens outside of the loading of an app is none of its business', async t => {
  const loading = load(
    apps.write(
      'meanwhile.mjs',
      `import { createServer } from 'node:http'
      setTimeout(() => createServer((req, res) => res.end('app')).listen(3000), 30)`,
    ),
    { listenWithinMs: 5_000 },
  )
  const mine: Server = createServer((_, res) => res.end('mine')).listen(0, '127.0.0.1')
  await once(mine, 'listening')
  t.equal(await text(`http://127.0.0.1:${(mine.address() as AddressInfo).port}`), 'mine')
  mine.close()
  t.not((await loading).server, mine)
})

t.test('one listener is called directly, several by their event, in order', async t => {
  const app = await load(
    apps.write('direct.mjs', `export default async function listener() { return this.constructor.name }`),
  )
  t.equal(
    await app.handle({} as never, {} as never),
    'Server',
    'with the server as node does, and its promise',
  )
  const seen: string[] = []
  app.server.on('request', () => seen.push('second'))
  app.server.prependListener('request', () => seen.push('first'))
  app.handle({} as never, {} as never)
  t.same(seen, ['first', 'second'])
  app.server.removeAllListeners('request')
  app.server.once('request', () => seen.push('once'))
  app.handle({} as never, {} as never)
  app.handle({} as never, {} as never)
  t.same(seen, ['first', 'second', 'once'])
})
