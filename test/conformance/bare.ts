/** A process that serves one app of `apps` under bare node:http, as its framework's manual says. */
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { BARE } from './apps/place.js'

/** What an app's `create` may give, by framework. */
type Created =
  | RequestListener
  | { fetch(request: Request, env: never): Response | Promise<Response> }
  | { callback(): RequestListener }
  | { ready(): PromiseLike<unknown>; routing: RequestListener }

const [name, keepAliveTimeoutMs] = process.argv.slice(2)

const { create } = (await import(new URL(`apps/${name}.js`, import.meta.url).href)) as {
  create(context: object): Created | Promise<Created>
}
const server = await serverOf(await create({ name: BARE, adminUrl: null }))
server.keepAliveTimeout = Number(keepAliveTimeoutMs)
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.on('disconnect', () => process.exit())

async function serverOf(app: Created): Promise<Server> {
  if ('fetch' in app) return createAdaptorServer({ fetch: app.fetch as never }) as Server
  if ('callback' in app) return createServer(app.callback())
  if ('routing' in app) {
    await app.ready()
    return createServer((req, res) => app.routing(req, res))
  }
  return createServer(app)
}
