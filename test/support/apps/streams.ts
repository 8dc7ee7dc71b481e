/** Streams of any length, counted and hashed at both ends, and what the app heard of clients that went away. */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { pattern } from '../stream-pattern.js'

type Handler = (req: IncomingMessage, res: ServerResponse, query: URLSearchParams) => unknown

/** What happened at this web server. */
const heard = { begun: 0, aborted: 0, closedEarly: 0 }

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

const handlers: Record<string, Handler> = {
  /** Takes a body, answers with its length and hash. */
  '/upload': async (req, res) => {
    const hash = createHash('sha1')
    let bytes = 0
    for await (const chunk of req) {
      bytes += (chunk as Buffer).length
      hash.update(chunk as Buffer)
    }
    res.end(JSON.stringify({ bytes, sha1: hash.digest('hex') }))
  },
  /** So many bytes of the pattern. */
  '/download': (_req, res, query) => pipeline(Readable.from(pattern(Number(query.get('bytes')))), res),
  /** Begins its answer and leaves the body where it is. */
  '/unread': async (req, res) => {
    res.flushHeaders()
    await once(req, 'close')
  },
  /** Begins its answer, then reads. */
  '/read': async (req, res) => {
    res.flushHeaders()
    for await (const _ of req);
    res.end()
  },
  '/echo': (req, res) => pipeline(req, res),
  /** Heap in use after a garbage collection, bytes, and what was heard. */
  '/heard': (_req, res) => {
    collectGarbage()
    res.end(JSON.stringify({ ...heard, heapBytes: process.memoryUsage().heapUsed }))
  },
}

/** A client that goes away is no error of the app's. */
function isGone(error: unknown): boolean {
  const { code } = error as { code?: string }
  return code === 'ECONNRESET' || code === 'ERR_STREAM_PREMATURE_CLOSE'
}

export default async function streams(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://localhost')
  const handler = handlers[url.pathname]
  if (handler === undefined) {
    res.writeHead(404).end()
    return
  }
  if (url.pathname !== '/heard') listen(req, res)
  try {
    await handler(req, res, url.searchParams)
  } catch (error) {
    if (!isGone(error)) throw error
  }
}

function listen(req: IncomingMessage, res: ServerResponse): void {
  heard.begun++
  if (req.session !== undefined) req.session.count = (req.session.count ?? 0) + 1
  req.on('aborted', () => heard.aborted++)
  res.on('close', () => {
    if (!res.writableFinished) heard.closedEarly++
  })
}
