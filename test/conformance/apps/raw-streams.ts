/** Bodies and answers that stream, in both directions and in part. */
import { pipeline, Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { createGzip } from 'node:zlib'
import { messageTo, note } from './journal.js'
import type { RawRoute } from './raw-routes.js'

export const streamRoutes: Readonly<Record<string, RawRoute>> = {
  /** Each piece is answered before the next one is sent. */
  '/stream/echo': async (req, res) => {
    res.writeHead(200, { 'Content-Type': 'application/octet-stream' })
    res.flushHeaders()
    for await (const piece of req) res.write(`[${String(piece)}]`)
    res.end('.')
  },
  /** The first part, then the rest when the client says that it has seen it. */
  '/stream/parts': async (_req, res, key) => {
    res.write('first part\n')
    await messageTo(key)
    res.end('second part\n')
  },
  '/stream/slow-end': async (req, res) => {
    req.resume()
    await wait(40)
    res.end('after a while')
  },
  '/stream/pipeline': (_req, res) => {
    pipeline(Readable.from(['a'.repeat(10_000), 'b'.repeat(10_000)]), createGzip(), res, () => {})
  },
  '/stream/fails': (_req, res, key) => {
    const source = Readable.from(
      (async function* () {
        yield 'some of it'
        await wait(5)
        throw new Error('the source failed')
      })(),
    )
    pipeline(source, res, error => note(key, `pipeline ${error?.message}`))
  },
  '/stream/early-head': async (_req, res) => {
    res.writeHead(200, { 'Content-Length': 5 })
    res.flushHeaders()
    await wait(10)
    res.end('later')
  },
  '/stream/cork': (_req, res) => {
    res.cork()
    res.write('a')
    res.write('b')
    process.nextTick(() => {
      res.uncork()
      res.end('c')
    })
  },
  '/stream/drain': async (_req, res) => {
    const piece = Buffer.alloc(50_000, 'd')
    let drains = 0
    for (let written = 0; written < 20; written++) {
      if (res.write(piece)) continue
      await new Promise(resolve => res.once('drain', resolve))
      drains++
    }
    res.end(drains > 0 ? 'drained' : 'never full')
  },
  /** Reads a little, says no, and leaves the rest. */
  '/stream/refuse': (req, res) => {
    req.once('data', () => {
      req.pause()
      res.writeHead(413, { Connection: 'close' }).end('too large')
    })
  },
  '/stream/encodings': (_req, res) => {
    res.write('6162', 'hex')
    res.write('Y2Q=', 'base64')
    res.write('é', 'latin1')
    res.write(new Uint8Array([101, 102]))
    res.end('é', 'utf8')
  },
  '/stream/trailers': (_req, res) => {
    res.writeHead(200, { Trailer: 'X-One, X-Two' })
    res.write('x')
    res.addTrailers([
      ['X-One', '1'],
      ['X-Two', '2'],
    ])
    res.end('y')
  },
  '/stream/request-trailers': async (req, res) => {
    for await (const _ of req);
    const { trailers, rawTrailers, trailersDistinct } = req
    res.end(JSON.stringify({ trailers, rawTrailers, trailersDistinct }))
  },
}
