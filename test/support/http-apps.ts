/** Apps that answer in every shape a response can have: served by bare node:http and by Troupe, byte for byte the same. */
import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import express from 'express'
import fastify from 'fastify'
import Koa from 'koa'

type Listener = (req: IncomingMessage, res: ServerResponse) => unknown

const ZEROS = Buffer.alloc(65_536)
const LARGE = 'x'.repeat(300_000)

const routes: Record<string, Listener> = {
  '/hello': (_, res) => res.end('hello'),
  '/empty': (_, res) => res.end(),
  '/utf8': (_, res) => res.end('grüße ☃'),
  '/binary': (_, res) => res.end(Buffer.from([0, 200, 255, 10, 13])),
  '/large': (_, res) => res.end(LARGE),
  '/length': (_, res) => {
    res.setHeader('Content-Length', 10)
    res.write('12345')
    res.end('67890')
  },
  '/chunks': (_, res) => {
    res.write('one')
    res.write(Buffer.from('two'))
    setImmediate(() => res.end('three'))
  },
  '/trailers': (_, res) => {
    res.writeHead(200, { Trailer: 'X-Sum' })
    res.write('body')
    res.addTrailers({ 'X-Sum': '42' })
    res.end()
  },
  '/204': (_, res) => res.writeHead(204).end(),
  '/304': (_, res) => res.writeHead(304, { ETag: '"a"' }).end(),
  '/reason': (_, res) => res.writeHead(299, 'Fine By Me', { 'X-A': '1' }).end('x'),
  '/hints': (_, res) => {
    res.writeEarlyHints({ link: '</style.css>; rel=preload; as=style' })
    setImmediate(() => res.end('hinted'))
  },
  '/processing': (_, res) => {
    res.writeProcessing()
    res.end('processed')
  },
  '/flush': (_, res) => {
    res.setHeader('X-Flushed', 'yes')
    res.flushHeaders()
    setImmediate(() => res.end('late'))
  },
  '/close': (_, res) => {
    res.setHeader('Connection', 'close')
    res.end('bye')
  },
  '/no-te': (_, res) => {
    res.removeHeader('Transfer-Encoding')
    res.write('until the end')
    res.end('!')
  },
  '/headers': (_, res) => {
    res.setHeader('X-Several', ['a', 'b'])
    res.setHeader('set-cookie', ['x=1', 'y=2'])
    res.setHeader('X-CaSe', 'kept')
    res.setHeader('X-Latin', 'caf\u00e9')
    res.end('ok')
  },
  '/raw-headers': (_, res) => res.writeHead(200, ['X-A', '1', 'X-A', '2', 'Content-Length', '2']).end('ok'),
  '/slow': (_, res) => {
    setTimeout(() => res.end('slow'), 50)
  },
  '/echo': (req, res) => {
    req.pipe(res)
  },
  '/count': async (req, res) => {
    let bytes = 0
    const hash = createHash('sha1')
    try {
      for await (const chunk of req) {
        bytes += (chunk as Buffer).length
        hash.update(chunk as Buffer)
      }
    } catch {
      return // the client is gone
    }
    const { rawTrailers: trailers, complete } = req
    res.end(JSON.stringify({ bytes, sha1: hash.digest('hex'), trailers, complete }))
  },
  '/zeros': (req, res) => {
    let left = Number(req.url?.split('?')[1])
    Readable.from(
      (function* () {
        for (; left > 0; left -= ZEROS.length) yield ZEROS
      })(),
    ).pipe(res)
  },
  '/ignore-body': (_, res) => res.end('did not look'),
  '/early-answer': (req, res) => {
    res.end('first')
    req.resume()
  },
  '/what': (req, res) => {
    const { method, url, httpVersion, rawHeaders, headers } = req
    res.end(
      JSON.stringify({
        method,
        url,
        httpVersion,
        rawHeaders,
        headers,
        address: req.socket.remoteAddress,
        upgrade: (req as { upgrade?: boolean }).upgrade,
      }),
    )
  },
  '/destroy-res': (_, res) => res.destroy(),
  '/destroy-req': (req, _) => req.destroy(),
  '/destroy-socket': (req, _) => req.socket.destroy(),
  '/cut-midway': (_, res) => {
    res.write('some')
    setTimeout(() => res.destroy(), 20)
  },
  '/timeout': (_, res) => {
    res.setTimeout(20, () => res.end('timed out'))
  },
}

/** Answers each path in its own shape, 404 in the most ordinary one. */
export function shapes(req: IncomingMessage, res: ServerResponse): unknown {
  const route = routes[(req.url ?? '').split('?')[0] ?? '']
  if (route !== undefined) return route(req, res)
  res.statusCode = 404
  return res.end('not found')
}

/** An Express app: body parser, JSON, redirect, error, streaming. */
export function expressApp(): Listener {
  const app = express()
  app.get('/express', (_, res) => void res.json({ hello: 'express' }))
  app.post('/express', express.json(), (req, res) => void res.send(req.body))
  app.get('/express/redirect', (_, res) => res.redirect('/express'))
  app.get('/express/throw', () => {
    throw Object.assign(new Error('teapot'), { status: 418, expose: true, stack: 'no stack' })
  })
  return app
}

/** A Koa app. */
export function koaApp(): Listener {
  const app = new Koa()
  app.use(async ctx => {
    if (ctx.method === 'POST') ctx.body = ctx.req
    else ctx.body = { hello: 'koa', ip: ctx.ip }
  })
  return app.callback()
}

/** A Fastify app. */
export async function fastifyApp(): Promise<Listener> {
  const app = fastify()
  app.get('/fastify', async () => ({ hello: 'fastify' }))
  app.post('/fastify', async request => request.body)
  app.get('/fastify/throw', async () => {
    throw new Error('fastify failed')
  })
  await app.ready()
  return (req, res) => app.routing(req, res)
}

/** All of the above behind one listener, by the first part of the path. */
export async function allApps(): Promise<Listener> {
  const byPrefix: Record<string, Listener> = {
    express: expressApp(),
    koa: koaApp(),
    fastify: await fastifyApp(),
  }
  return (req, res) => {
    const prefix = (req.url ?? '').split(/[/?]/)[1] ?? ''
    return (byPrefix[prefix] ?? shapes)(req, res)
  }
}
