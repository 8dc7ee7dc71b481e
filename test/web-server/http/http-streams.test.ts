import { request } from 'node:http'
import t from 'tap'
import { startFront, workerWebServer } from '../../support/http-harness.js'

const MIB = 1024 * 1024
/** Bytes of each stream; a body that was buffered anywhere would show in the peak. */
const SIZE = 256 * MIB
/** What windows, stream buffers and garbage between two collections may add, bytes. */
const ALLOWED = 200 * MIB

/** The most memory that the process has while something runs, bytes. */
async function peakOf(run: () => Promise<void>): Promise<number> {
  let peak = 0
  const sampling = setInterval(() => {
    peak = Math.max(peak, process.memoryUsage.rss())
  }, 5)
  await run()
  clearInterval(sampling)
  return peak
}

async function download(port: number, slowly: boolean): Promise<number> {
  return new Promise((resolve, reject) => {
    let bytes = 0
    request({ port, path: `/zeros?${SIZE}`, agent: false }, res => {
      res.on('error', reject)
      res.on('data', chunk => {
        const before = Math.floor(bytes / (8 * MIB))
        bytes += chunk.length
        if (slowly && Math.floor(bytes / (8 * MIB)) !== before) {
          res.pause()
          setTimeout(() => res.resume(), 10)
        }
      })
      res.on('end', () => resolve(bytes))
    })
      .on('error', reject)
      .end()
  })
}

async function upload(port: number): Promise<string> {
  const piece = Buffer.alloc(65_536)
  return new Promise((resolve, reject) => {
    const req = request(
      { port, method: 'POST', path: '/count', agent: false, headers: { 'content-length': SIZE } },
      res => {
        let text = ''
        res.on('data', chunk => {
          text += chunk
        })
        res.on('end', () => resolve(text))
      },
    ).on('error', reject)
    let left = SIZE
    const send = () => {
      while (left > 0) {
        left -= piece.length
        if (!req.write(piece)) return req.once('drain', send)
      }
      return req.end()
    }
    send()
  })
}

t.test('256 MiB stream through in both directions without being kept', async t => {
  const { front, router, port } = await startFront()
  const webServer = await workerWebServer(front)
  router.owner = webServer.link
  t.teardown(async () => {
    await front.stop(0)
    await webServer.close()
  })
  const base = process.memoryUsage.rss()
  const report = (what: string, peak: number) =>
    t.comment(`${what}: base ${Math.round(base / MIB)} MiB, peak ${Math.round(peak / MIB)} MiB`)

  const down = await peakOf(async () => {
    t.equal(await download(port, false), SIZE)
  })
  report('download', down)
  const slow = await peakOf(async () => {
    t.equal(await download(port, true), SIZE)
  })
  report('download by a slow reader', slow)
  const up = await peakOf(async () => {
    t.match(await upload(port), `"bytes":${SIZE}`)
  })
  report('upload', up)
  for (const peak of [down, slow, up]) t.ok(peak - base < ALLOWED, 'memory stays bounded')
})
