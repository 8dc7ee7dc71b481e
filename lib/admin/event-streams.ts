/** GET /events: the events of the cluster as server-sent events, to a bounded number of readers that keep up. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ObservedCluster } from '../director/observed-cluster.js'
import { errorAnswer, send } from './answers.js'
import { EventLog, type LoggedEvent } from './event-log.js'

/** Readers at once: well below the connections of the listener, so that health checks always find one. */
const READERS_MAX = 16
/** What may wait for one reader, bytes: the whole log once. */
const BACKLOG_BYTES_MAX = 128 * 1024
/** Time between two signs of life, ms: proxies close what is silent for a minute, and half-open connections show. */
const HEARTBEAT_MS = 15_000
/** When a reader that lost its connection should come again, ms. */
const RETRY_MS = 1_000

/** All readers of one listener's events. */
export class EventStreams {
  readonly #log = new EventLog()
  readonly #readers = new Set<ServerResponse>()
  readonly #unobserve: () => void
  readonly #heartbeats: NodeJS.Timeout

  constructor(cluster: ObservedCluster) {
    this.#unobserve = cluster.observe(event => {
      const text = textOf(this.#log.add(event, Date.now()))
      for (const reader of this.#readers) this.#write(reader, text)
    })
    this.#heartbeats = setInterval(() => {
      for (const reader of this.#readers) {
        // What it was sent a while ago still waits here: it reads no more, and keeps a connection from who would.
        if (reader.writableLength > 0) reader.destroy()
        else this.#write(reader, ':\n\n')
      }
    }, HEARTBEAT_MS).unref()
  }

  /** Answers with all events after the one in Last-Event-ID, or that are kept, and then with each as it happens. */
  open(request: IncomingMessage, response: ServerResponse): void {
    if (this.#readers.size >= READERS_MAX) {
      const message = `${READERS_MAX} readers have the events already; close one of them.`
      send(response, errorAnswer(503, 'ADMIN_READERS_MAX', message, { 'retry-after': '5' }))
      return
    }
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' })
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    const lastId = request.headers['last-event-id']
    const { missed, events } = this.#log.after(typeof lastId === 'string' ? lastId : null)
    this.#readers.add(response)
    response.on('close', () => this.#readers.delete(response))
    const gap = missed === 0 ? '' : `event: missed\ndata: ${JSON.stringify({ events: missed })}\n\n`
    this.#write(response, `retry: ${RETRY_MS}\n\n${gap}${events.map(textOf).join('')}`)
  }

  /** Ends every stream. */
  close(): void {
    clearInterval(this.#heartbeats)
    this.#unobserve()
    for (const reader of this.#readers) reader.end()
  }

  /** A reader that does not keep up is cut: it comes again and gets what it missed. */
  #write(reader: ServerResponse, text: string): void {
    if (reader.writableLength > BACKLOG_BYTES_MAX) reader.destroy()
    else reader.write(text)
  }
}

function textOf({ id, at, event: { type, ...details } }: LoggedEvent): string {
  return `id: ${id}\nevent: ${type}\ndata: ${JSON.stringify({ at, ...details })}\n\n`
}
