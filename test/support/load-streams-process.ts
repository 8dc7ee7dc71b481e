/** The process of a client of long streams: its memory does not count as the cluster's. */
import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as wait } from 'node:timers/promises'
import { request } from 'undici'
import type { StreamJob, StreamResult } from './load-streams.js'
import { pattern } from './stream-pattern.js'

/** A slow client rests after so many bytes. */
const REST_EVERY_BYTES = 256 * 1024
const REST_MS = 2

async function run({ url, method, bytes, slow }: StreamJob): Promise<StreamResult> {
  const sent = createHash('sha1')
  const body = method === 'POST' ? Readable.from(hashed(pattern(bytes), sent)) : null
  const headers = method === 'POST' ? { 'content-length': String(bytes) } : {}
  const response = await request(url, { method, body, headers, bodyTimeout: 0, headersTimeout: 0 })
  const received = createHash('sha1')
  let receivedBytes = 0
  let text = ''
  let unrested = 0
  for await (const chunk of response.body) {
    const piece = chunk as Buffer
    received.update(piece)
    receivedBytes += piece.length
    if (receivedBytes <= 1000) text += piece.toString('latin1')
    unrested += piece.length
    if (!slow || unrested < REST_EVERY_BYTES) continue
    unrested = 0
    await wait(REST_MS)
  }
  return {
    status: response.statusCode,
    sentSha1: sent.digest('hex'),
    receivedBytes,
    receivedSha1: received.digest('hex'),
    text,
  }
}

function* hashed(pieces: Iterable<Buffer>, hash: ReturnType<typeof createHash>): Generator<Buffer> {
  for (const piece of pieces) {
    hash.update(piece)
    yield piece
  }
}

process.once('message', async (job: StreamJob) => {
  const result = await run(job)
  process.send?.(result)
  process.disconnect()
})
