import t from 'tap'
import { getSession } from '../../../lib/web-server/adapters/fetch.js'
import { AppFolder, load, serve } from './adapters-fixtures.js'

const apps = new AppFolder()
t.teardown(() => apps.remove())

const getSessionUrl = new URL('../../../lib/web-server/adapters/fetch.js', import.meta.url).href

async function text(url: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url, init)
  return `${response.status} ${await response.text()}`
}

/** Apps that answer POST /echo with the body, the session's user and the web server's name. */
const kinds: Record<string, string> = {
  'listener.mjs': `
    export default (req, res) => {
      let body = ''
      req.on('data', chunk => { body += chunk }).on('end', () => res.end(body + ' ' + req.session.user))
    }`,
  'listener.cjs': `
    module.exports = (req, res) => {
      let body = ''
      req.on('data', chunk => { body += chunk }).on('end', () => res.end(body + ' ' + req.session.user))
    }`,
  'express.mjs': `
    import express from 'express'
    const app = express()
    app.use(express.text({ type: '*/*' }))
    app.post('/echo', (req, res) => { res.send(req.body + ' ' + req.session.user) })
    export default app`,
  'compiled.cjs': `
    Object.defineProperty(exports, '__esModule', { value: true })
    const express = require('express')
    const app = express()
    app.use(express.text({ type: '*/*' }))
    app.post('/echo', (req, res) => { res.send(req.body + ' ' + req.session.user) })
    exports.default = app`,
  'koa.mjs': `
    import Koa from 'koa'
    const app = new Koa()
    app.use(async ctx => {
      let body = ''
      for await (const chunk of ctx.req) body += chunk
      ctx.body = body + ' ' + ctx.req.session.user
    })
    export default app`,
  'koa-callback.mjs': `
    import Koa from 'koa'
    const app = new Koa()
    app.use(async ctx => {
      let body = ''
      for await (const chunk of ctx.req) body += chunk
      ctx.body = body + ' ' + ctx.req.session.user
    })
    export default app.callback()`,
  'fastify.mjs': `
    import Fastify from 'fastify'
    const app = Fastify()
    app.addContentTypeParser('*', { parseAs: 'string' }, (request, body, done) => done(null, body))
    app.register(async scope => {
      scope.post('/echo', async request => request.body + ' ' + request.session.user)
    })
    export default app`,
  'fastify-ready.mjs': `
    import Fastify from 'fastify'
    export async function create() {
      const app = Fastify()
      app.post('/echo', async request => request.body + ' ' + request.raw.session.user)
      await app.ready()
      return app
    }`,
  'hono.mjs': `
    import { Hono } from 'hono'
    import { getSession } from '${getSessionUrl}'
    const app = new Hono()
    app.post('/echo', async c => c.text((await c.req.text()) + ' ' + getSession(c.req.raw).user))
    export default app`,
  'fetch.mjs': `
    import { getSession } from '${getSessionUrl}'
    export default {
      async fetch(request) {
        return new Response((await request.text()) + ' ' + getSession(request).user)
      },
    }`,
  'create.mjs': `
    export async function create(context) {
      await null
      return (req, res) => {
        let body = ''
        req.on('data', chunk => { body += chunk })
        req.on('end', () => res.end(body + ' ' + (context.name === 'web-1' && req.session.user)))
      }
    }`,
  'create.cjs': `
    module.exports.create = context => ({
      fetch: async request => new Response((await request.text()) + ' ' + (context.adminUrl === null && 'ann')),
    })`,
}

for (const [name, source] of Object.entries(kinds)) {
  t.test(`${name} is served, with its body and its session`, async t => {
    await serve(apps.write(name, source), { user: 'ann' }, async url => {
      const init = { method: 'POST', body: 'hello', headers: { 'content-type': 'text/plain' } }
      t.equal(await text(`${url}/echo`, init), '200 hello ann')
    })
  })
}

t.test('an unknown path gets the framework’s own 404', async t => {
  for (const name of ['express.mjs', 'fastify.mjs', 'hono.mjs']) {
    await serve(apps.write(name, kinds[name] ?? ''), {}, async url =>
      t.match(await text(`${url}/nowhere`), /^404/),
    )
  }
})

t.test('a Fastify app keeps the session decorator that its own plugin brings', async t => {
  const file = apps.write(
    'fastify-own.mjs',
    `
    import Fastify from 'fastify'
    const app = Fastify()
    const plugin = async scope => { scope.decorateRequest('session', { getter: () => 'own' }) }
    plugin[Symbol.for('skip-override')] = true
    app.register(plugin)
    app.get('/', async request => request.session)
    export default app`,
  )
  await serve(file, { user: 'ann' }, async url => t.equal(await text(url), '200 own'))
})

t.test(
  'getSession is undefined after destroy, and an error for a request that Troupe does not know',
  async t => {
    const file = apps.write(
      'fetch-gone.mjs',
      `
    import { getSession } from '${getSessionUrl}'
    export default {
      fetch(request) {
        let copied
        try { getSession(new Request(request)) } catch (error) { copied = error.code }
        return new Response(String(getSession(request)) + ' ' + copied)
      },
    }`,
    )
    await serve(file, undefined, async url => t.equal(await text(url), '200 undefined UNKNOWN_REQUEST'))
    t.throws(() => getSession(new Request('http://x/')), { code: 'UNKNOWN_REQUEST' })
  },
)

t.test('a fetch app that fails answers 500', async t => {
  const file = apps.write('fetch-fails.mjs', 'export default { fetch() { throw new Error("no") } }')
  await serve(file, {}, async url => t.match(await text(url), /^500/))
})

t.test('an app that cannot be loaded says why', async t => {
  const cases: [string, string, RegExp][] = [
    ['throws.mjs', 'throw new Error("database is down")', /throws\.mjs.*database is down/],
    ['syntax.mjs', 'export default (', /syntax\.mjs/],
    ['import.mjs', 'import "./not-there.mjs"', /not-there\.mjs/],
    ['package.mjs', 'import "no-such-package-at-all"', /no-such-package-at-all/],
    ['nothing.mjs', '', /exports nothing.*Expected is a default export/],
    ['named.mjs', 'export const app = 1; export function start() {}', /exports only app, start/],
    ['number.mjs', 'export default 5', /its app is a number/],
    ['object.mjs', 'export default { listen() {}, port: 1 }', /an object with listen, port/],
    [
      'create-throws.mjs',
      'export async function create() { throw new Error("no db") }',
      /create function failed: no db/,
    ],
    ['create-nothing.mjs', 'export function create() {}', /its app is undefined/],
    ['throws-text.mjs', 'throw "just text"', /it threw a string/],
    [
      'fastify-fails.mjs',
      'import f from "fastify"; const app = f(); app.register(async () => { throw new Error("plugin") }); export default app',
      /did not get ready: plugin/,
    ],
  ]
  for (const [name, source, message] of cases) {
    await t.rejects(load(apps.write(name, source)), { code: 'APP_LOAD_FAILED', message }, name)
  }
  await t.rejects(load(`${apps.path}/missing.mjs`), {
    code: 'APP_LOAD_FAILED',
    message: /no such file/,
  })
})

t.test('the error of the app comes along as the cause, with its stack', async t => {
  const file = apps.write('cause.mjs', '\n\nthrow new TypeError("deep inside")')
  const error: unknown = await load(file).catch(thrown => thrown)
  const { cause } = error as Error
  t.match(cause, { name: 'TypeError', message: 'deep inside' })
  t.match((cause as Error).stack, /cause\.mjs:3/)
})

t.test('TypeScript is refused with advice where Node cannot run it, and run where it can', async t => {
  const file = apps.write(
    'app.ts',
    'export default (req: unknown, res: { end(text: string): void }) => res.end("ts")',
  )
  const runs = Boolean((process.features as { typescript?: unknown }).typescript)
  if (runs) await serve(file, {}, async url => t.equal(await text(url), '200 ts'))
  else await t.rejects(load(file), { code: 'APP_LOAD_FAILED', message: /Compile it/ })
})
