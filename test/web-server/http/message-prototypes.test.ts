/** Requests and responses that have the prototypes of their app from the start. */
import { createServer, IncomingMessage, ServerResponse } from 'node:http'
import { createRequire } from 'node:module'
import { setFlagsFromString } from 'node:v8'
import express from 'express'
import t from 'tap'
import { appOfExport } from '../../../lib/web-server/adapters/app-of-export.js'
import { MessageMaker, type MessagePrototypes } from '../../../lib/web-server/http/message-prototypes.js'

const express4 = createRequire(import.meta.url)('express4') as typeof express

setFlagsFromString('--allow-natives-syntax')
/** Whether V8 keeps two objects in one layout, so that code compiled for one serves the other. */
const haveSameLayout = new Function('a', 'b', 'return %HaveSameMap(a, b)') as (
  a: object,
  b: object,
) => boolean

function messages(maker: MessageMaker): { request: IncomingMessage; response: ServerResponse } {
  const request = maker.request({})
  return { request, response: maker.response(request) }
}

for (const [name, make] of [
  ['Express 5', express],
  ['Express 4', express4],
] as const) {
  t.test(
    `messages of ${name} are what it makes of node's, and share their layout whatever is set`,
    async t => {
      const app = make()
      const { prototypes } = await appOfExport('app.js', app)
      const ours = new MessageMaker(prototypes)
      const served = [messages(ours), messages(ours)]
      const [one, other] = served
      if (one === undefined || other === undefined) throw new Error('two were made')
      t.equal(Object.getPrototypeOf(one.request), app.request)
      t.equal(Object.getPrototypeOf(one.response), app.response)
      const nodes = messages(new MessageMaker(() => null))
      t.strictSame(Reflect.ownKeys(one.request), Reflect.ownKeys(nodes.request))
      t.strictSame(Reflect.ownKeys(one.response), Reflect.ownKeys(nodes.response))
      for (const { request, response } of served) {
        app(request as never, response as never)
        Object.assign(request, { user: 'a middleware sets it' })
        Object.assign(response, { locals: { user: 'and this' } })
      }
      t.ok(haveSameLayout(one.request, other.request))
      t.ok(haveSameLayout(one.response, other.response))
    },
  )
}

t.test('a server with an Express app as its only listener has messages of Express', async t => {
  const app = express()
  const server = createServer(app)
  const { prototypes } = await appOfExport('app.js', server)
  t.equal(prototypes(), app)
  const other = (): void => undefined
  server.on('request', other)
  t.equal(prototypes(), null, 'another listener is not to be surprised')
  server.off('request', other)
  t.equal(prototypes(), app)
})

t.test("a plain listener has node's messages", async t => {
  const { prototypes } = await appOfExport('app.js', () => undefined)
  const { request, response } = messages(new MessageMaker(prototypes))
  t.equal(Object.getPrototypeOf(request), IncomingMessage.prototype)
  t.equal(Object.getPrototypeOf(response), ServerResponse.prototype)
})

t.test('an app may replace its prototypes at any time', async t => {
  const app = express()
  const maker = new MessageMaker((await appOfExport('app.js', app)).prototypes)
  messages(maker)
  app.request = Object.create(app.request, { hello: { value: 'here' } })
  t.match(messages(maker).request, { hello: 'here' })
})

t.test("prototypes that node's constructors would stumble over are left to the app", async t => {
  const withUrl = Object.create(IncomingMessage.prototype, { url: { get: () => '/' } })
  const prototypes: MessagePrototypes = { request: withUrl, response: {} }
  const { request, response } = messages(new MessageMaker(() => prototypes))
  t.equal(Object.getPrototypeOf(request), IncomingMessage.prototype)
  t.equal(Object.getPrototypeOf(response), ServerResponse.prototype)
})
