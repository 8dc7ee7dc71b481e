/**
 * The streams in which gateways send messages. The parts of a stream may arrive together, on several connections; they
 * are handed on one after the other. A stream that lost a part is over, so that nothing is ever applied out of order.
 */
import { randomBytes } from 'node:crypto'
import type { SessionServer } from '../session-server.js'

/** Parts that may wait for their predecessor: no gateway sends more at once. */
const WAITING_PARTS_MAX = 16
/** A stream that nobody used for so long is over, ms: gateways probe theirs every few seconds. */
const IDLE_STREAM_MS = 120_000

/** One stream, from its opening until it is ended by its client, by its client's next one, or by a failure. */
export class MessageStream {
  readonly id = randomBytes(16).toString('base64url')
  readonly client: string
  readonly serverName: string
  readonly server: SessionServer
  #next = 1
  #isOver = false
  #usedAt: number
  readonly #waiting = new Map<number, (isTurn: boolean) => void>()
  readonly #endings = new Set<() => void>()

  constructor(client: string, serverName: string, server: SessionServer, now: number) {
    this.client = client
    this.serverName = serverName
    this.server = server
    this.#usedAt = now
  }

  get isOver(): boolean {
    return this.#isOver
  }

  isIdle(now: number): boolean {
    return now - this.#usedAt >= IDLE_STREAM_MS
  }

  /** @param now ms of any clock */
  use(now: number): void {
    this.#usedAt = now
  }

  /** Waits until every part before this one was handed on. @returns false when that will not be: the stream is over */
  turn(number: number): Promise<boolean> {
    if (this.#isOver) return Promise.resolve(false)
    if (number === this.#next) return Promise.resolve(true)
    const isPast = number < this.#next || this.#waiting.has(number)
    if (isPast || number - this.#next > WAITING_PARTS_MAX) {
      this.end()
      return Promise.resolve(false)
    }
    return new Promise(resolve => this.#waiting.set(number, resolve))
  }

  /** The part whose turn it was has been handed on: the next may go. */
  pass(): void {
    const go = this.#waiting.get(++this.#next)
    this.#waiting.delete(this.#next)
    go?.(true)
  }

  /** @param ended called when the stream ends @returns takes that back */
  onceOver(ended: () => void): () => void {
    this.#endings.add(ended)
    return () => this.#endings.delete(ended)
  }

  /** Nothing more of it is handed on. Idempotent. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const go of this.#waiting.values()) go(false)
    this.#waiting.clear()
    for (const ended of this.#endings) ended()
    this.#endings.clear()
  }
}

/** All streams of one service. */
export class MessageStreams {
  readonly #max: number
  readonly #streams = new Map<string, MessageStream>()

  constructor(max: number) {
    this.#max = max
  }

  get size(): number {
    return this.#streams.size
  }

  /**
   * Opens a stream, and ends the earlier one of the same client at the same session server: what is still under way
   * of it must not be applied after what the new one sends.
   * @param now ms of any clock @returns null when there are too many
   */
  open(client: string, serverName: string, server: SessionServer, now: number): MessageStream | null {
    for (const stream of this.#streams.values()) {
      const isEarlier = stream.client === client && stream.serverName === serverName
      if (isEarlier || stream.isIdle(now)) stream.end()
    }
    if (this.#streams.size >= this.#max) return null
    const stream = new MessageStream(client, serverName, server, now)
    this.#streams.set(stream.id, stream)
    stream.onceOver(() => this.#streams.delete(stream.id))
    return stream
  }

  /** @returns the open stream of that id; null when there is none, or its session server is another one by now */
  get(id: string, serverName: string, server: SessionServer): MessageStream | null {
    const stream = this.#streams.get(id)
    return stream?.serverName === serverName && stream.server === server ? stream : null
  }

  /** Ends every stream to a session server, or every stream. */
  end(server?: SessionServer): void {
    for (const stream of this.#streams.values()) {
      if (server === undefined || stream.server === server) stream.end()
    }
  }
}
