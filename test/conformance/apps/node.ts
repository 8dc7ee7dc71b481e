/** Plain node:http: a listener and node's own modules. */
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer, text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { createBrotliCompress, createGzip } from 'node:zlib'
import ejs from 'ejs'
import helmet from 'helmet'
import type { AppContext } from '../../../lib/index.js'
import { digest, isRight, LONG_TEXT, serverSentEvents, upload, uploaded } from './connect-parts.js'
import { deliver, messageTo } from './journal.js'
import { type Place, placeOf, sessionOf, sessions } from './place.js'
import { RAW_PREFIX, rawRoutes } from './raw-routes.js'

type Route = (req: IncomingMessage, res: ServerResponse, url: URL) => unknown

export function create(context: AppContext): (req: IncomingMessage, res: ServerResponse) => unknown {
  const place = placeOf(context)
  const routes: Readonly<Record<string, Route>> = {
    ...bodies,
    ...answers(place),
    ...logins(place),
    ...streams,
  }
  return async (req, res) => {
    if (req.url?.startsWith(`${RAW_PREFIX}/`)) return rawRoutes(req, res)
    const url = new URL(req.url ?? '', 'http://localhost')
    if (url.pathname.startsWith('/proxy/')) return passOn(req, res, place)
    const route = routes[`${req.method === 'HEAD' ? 'GET' : req.method} ${url.pathname}`]
    try {
      if (route === undefined) res.writeHead(404).end('not found')
      else await route(req, res, url)
    } catch (error) {
      if (res.headersSent) res.destroy()
      else json(res, { error: error instanceof Error ? error.message : String(error) }, 500)
    }
  }
}

function json(res: ServerResponse, value: unknown, status = 200): void {
  res.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value))
}

const bodies: Readonly<Record<string, Route>> = {
  'POST /body/json': async (req, res) => json(res, { body: JSON.parse(await text(req)) }),
  'POST /body/urlencoded': async (req, res) =>
    json(res, { body: Object.fromEntries(new URLSearchParams(await text(req))) }),
  'POST /body/text': async (req, res) => json(res, { body: await text(req) }),
  'POST /body/raw': async (req, res) => json(res, { digest: digest(await buffer(req)) }),
  'POST /body/limited': async (req, res) => {
    if (Number(req.headers['content-length']) <= 1024) return json(res, { body: JSON.parse(await text(req)) })
    res.writeHead(413).end('too large')
  },
  'POST /upload': async (req, res) => {
    const form = req as IncomingMessage & { files?: unknown; body?: unknown }
    await new Promise<void>((resolve, reject) =>
      upload.any()(form as never, res as never, error => (error ? reject(error) : resolve())),
    )
    json(res, uploaded(form.files, form.body))
  },
}

function answers(place: Place): Readonly<Record<string, Route>> {
  return {
    'GET /compressed': async (req, res) => {
      const brotli = String(req.headers['accept-encoding']).includes('br')
      res.writeHead(200, { 'Content-Encoding': brotli ? 'br' : 'gzip', 'Content-Type': 'text/plain' })
      await pipeline([LONG_TEXT], brotli ? createBrotliCompress() : createGzip(), res)
    },
    'GET /file': async (req, res) => {
      const file = `${place.files}/page.html`
      const { size, mtime } = await stat(file)
      const headers = { 'Content-Type': 'text/html', 'Last-Modified': mtime.toUTCString() }
      if (req.headers['if-modified-since'] === mtime.toUTCString()) {
        res.writeHead(304, headers).end()
        return
      }
      res.writeHead(200, { ...headers, 'Content-Length': size })
      if (req.method === 'HEAD') res.end()
      else await pipeline(createReadStream(file), res)
    },
    'GET /etag': (req, res) => {
      if (req.headers['if-none-match'] === '"same"') {
        res.writeHead(304, { ETag: '"same"' }).end()
        return
      }
      res.setHeader('ETag', '"same"')
      json(res, { always: 'the same' })
    },
    'GET /helmet': (req, res) => helmet()(req, res, () => res.end('with a helmet')),
    'GET /view': async (_req, res, url) => {
      res.setHeader('Content-Type', 'text/html')
      res.end(await ejs.renderFile(`${place.views}/page.ejs`, { name: url.searchParams.get('name') }))
    },
    'GET /redirect': (_req, res) => res.writeHead(302, { Location: '/etag' }).end(),
    'POST /redirect': (_req, res) => res.writeHead(303, { Location: '/etag' }).end(),
    'GET /throw': () => {
      throw new Error('thrown')
    },
  }
}

function logins(place: Place): Readonly<Record<string, Route>> {
  const middleware = sessions(place)
  const withSession =
    (route: Route): Route =>
    async (req, res, url) => {
      await new Promise<void>(resolve => middleware(req, res as never, () => resolve()))
      return route(req, res, url)
    }
  return {
    'GET /session/count': withSession((req, res) => {
      const session = sessionOf(req)
      if (session !== undefined) session.count = (session.count ?? 0) + 1
      json(res, { count: session?.count })
    }),
    'GET /session/me': withSession((req, res) => json(res, { user: sessionOf(req)?.user ?? null })),
    'POST /session/login': withSession(async (req, res) => {
      const form = new URLSearchParams(await text(req))
      const user = form.get('username') ?? ''
      if (!isRight(user, form.get('password') ?? '')) return json(res, { error: 'wrong password' }, 401)
      await new Promise(resolve => sessionOf(req)?.regenerate(resolve))
      const session = sessionOf(req)
      if (session !== undefined) session.user = user
      res.writeHead(302, { Location: '/session/me' }).end()
    }),
    'POST /session/logout': withSession(async (req, res) => {
      await new Promise(resolve => sessionOf(req)?.destroy(resolve))
      res.writeHead(204).end()
    }),
  }
}

const streams: Readonly<Record<string, Route>> = {
  'GET /events': serverSentEvents,
  'GET /poll': async (_req, res, url) => json(res, { message: await messageTo(keyOf(url)) }),
  'POST /poll': (_req, res, url) => json(res, { delivered: deliver(keyOf(url), 'news') }),
}

const keyOf = (url: URL) => url.searchParams.get('key') ?? ''

/** A proxy as one writes it by hand. */
function passOn(req: IncomingMessage, res: ServerResponse, { upstream }: Place): void {
  const { method, headers } = req
  const onward = request(new URL((req.url ?? '').slice('/proxy'.length), upstream), { method, headers })
  onward.on('response', answer => {
    res.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
    answer.pipe(res)
  })
  onward.on('error', () => {
    if (!res.headersSent) res.writeHead(502).end('bad gateway')
  })
  req.pipe(onward)
}
