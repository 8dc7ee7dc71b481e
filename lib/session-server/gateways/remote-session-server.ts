/**
 * The gateway to a session server on another host (docs/protocol.md). Messages of all owners go there in one ordered
 * stream: what queues up while a part is on its way makes the next. When the far side refuses, resets, hangs or is cut
 * off it counts as lost, and so does this gateway: what was not acknowledged by then never is.
 */
import { hostname } from 'node:os'
import type { Epoch } from '../../replication/ids.js'
import type { ToReplica } from '../../replication/messages.js'
import type { SessionServerStats } from '../../transport/actor-control.js'
import {
  commonMinor,
  HEALTH_PATH,
  type Health,
  isProtocolVersion,
  PROTOCOL_VERSION,
} from '../protocol/version.js'
import type { SessionServer } from '../session-server.js'
import { isFences, isFromReplica, isStats } from './remote-answers.js'
import { RemoteConnection, type RemoteOptions } from './remote-connection.js'
import { RemoteMessageTooLargeError, RemoteNameError, RemoteVersionError } from './remote-errors.js'
import { type AnswerOwner, type OutgoingLine, OutgoingLines } from './remote-outgoing.js'

/**
 * Parts on their way at once, so that one need not wait for the commit of another: with 5 ms for a commit the median
 * acknowledgement takes 7 ms with 4 and 13 ms with 1. More would only make smaller parts.
 */
const PARTS_IN_FLIGHT_MAX = 4
/** A part that has so much is sent, and the rest with the next, bytes. */
const PART_BYTES = 1024 * 1024
/** Share of the time-out after which a silent far side is probed; the rest is what the probe may take. */
const PROBE_SHARE = 1 / 3

/** One body of messages on its way. */
interface Part {
  /** What waits for answers, by number. */
  readonly unanswered: Map<number, OutgoingLine>
  /** Answers that came before those of an earlier part were complete. */
  readonly held: (() => void)[]
  isComplete: boolean
}

export class RemoteSessionServer implements SessionServer {
  readonly holdsInMemory = false
  readonly failed: Promise<Error>
  readonly #options: RemoteOptions
  readonly #connection: RemoteConnection
  /** Path of the session server, without a slash at its end. */
  readonly #root: string
  readonly #stream: string
  readonly #bytesMax: number
  readonly #lines: OutgoingLines
  readonly #probes: NodeJS.Timeout
  readonly #queue: OutgoingLine[] = []
  readonly #parts: Part[] = []
  #nextPart = 1
  #flushIsDue = false
  #isClosed = false
  #heardAt = performance.now()
  #isProbing = false
  #idle: (() => void) | null = null

  /**
   * Reaches the host, agrees on a version and opens a message stream, which ends an earlier one of this process.
   * @throws (as a rejection) one of the errors in remote-errors.ts, within `timeoutMs` of each step
   */
  static async open(options: RemoteOptions): Promise<RemoteSessionServer> {
    const connection = new RemoteConnection(options)
    try {
      const health = await askHealth(connection, options)
      const stream = await openStream(connection, options)
      return new RemoteSessionServer(options, connection, stream, health.limits.bodyBytes)
    } catch (error) {
      throw connection.fail(error)
    }
  }

  private constructor(
    options: RemoteOptions,
    connection: RemoteConnection,
    stream: string,
    bytesMax: number,
  ) {
    this.#options = options
    this.#connection = connection
    this.#root = rootOf(options.name)
    this.#stream = stream
    this.#bytesMax = bytesMax
    this.#lines = new OutgoingLines(Math.min(PART_BYTES, bytesMax))
    this.failed = connection.failed
    connection.onSocketLost = () => void this.#probe()
    const interval = options.timeoutMs * PROBE_SHARE
    this.#probes = setInterval(() => {
      if (performance.now() - this.#heardAt >= interval) void this.#probe()
    }, interval / 2).unref()
    void this.failed.then(() => clearInterval(this.#probes))
  }

  receive(message: ToReplica, answer: AnswerOwner): void {
    if (this.#isClosed || this.#connection.hasFailed) return
    for (const line of this.#lines.of(message, answer)) {
      if (line.bytes > this.#bytesMax) {
        const { name, url } = this.#options
        this.#connection.fail(new RemoteMessageTooLargeError(name, url, line.bytes, this.#bytesMax))
        return
      }
      this.#queue.push(line)
    }
    if (this.#flushIsDue) return
    this.#flushIsDue = true
    setImmediate(() => this.#flush())
  }

  async stats(): Promise<SessionServerStats> {
    const stats = await this.#ask('stats')
    if (!isStats(stats)) throw this.#connection.fail(this.#connection.wrongAnswer('counters of another form'))
    return stats as SessionServerStats
  }

  async fences(): Promise<readonly Epoch[]> {
    const fences = await this.#ask('fences')
    if (!isFences(fences)) throw this.#connection.fail(this.#connection.wrongAnswer('fences of another form'))
    return fences as readonly Epoch[]
  }

  /** Waits for the answers to what was received, but not longer than the far side may take for one. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    clearInterval(this.#probes)
    if (!this.#connection.hasFailed) {
      this.#flush()
      await Promise.race([this.#whenIdle(), this.failed])
      await this.#endStream()
    }
    await this.#connection.close()
  }

  #flush(): void {
    this.#flushIsDue = false
    while (this.#parts.length < PARTS_IN_FLIGHT_MAX && this.#queue.length > 0)
      void this.#send(this.#takePart())
  }

  #takePart(): OutgoingLine[] {
    let bytes = 0
    let count = 0
    for (const line of this.#queue) {
      bytes += line.bytes
      if (count > 0 && bytes > Math.min(PART_BYTES, this.#bytesMax)) break
      count++
    }
    return this.#queue.splice(0, count)
  }

  /** Never rejects: a part that fails ends the connection, and {@link failed} says why. */
  async #send(lines: readonly OutgoingLine[]): Promise<void> {
    const unanswered = new Map<number, OutgoingLine>()
    for (const line of lines) if (line.number !== null) unanswered.set(line.number, line)
    const part: Part = { unanswered, held: [], isComplete: false }
    this.#parts.push(part)
    const path = `${this.#root}/streams/${this.#stream}/messages/${this.#nextPart++}`
    try {
      const body = lines.map(({ text }) => text).join('')
      await this.#connection.call({ method: 'POST', path, body, onLine: line => this.#onLine(part, line) })
      if (unanswered.size > 0) throw this.#connection.wrongAnswer('messages that were not answered')
    } catch (error) {
      this.#connection.fail(error)
      return
    }
    part.isComplete = true
    this.#passAnswers()
    this.#flush()
    if (this.#parts.length === 0) this.#idle?.()
  }

  #onLine(part: Part, text: string): void {
    this.#heardAt = performance.now()
    const answer = this.#connection.parse(text)
    if (!isFromReplica(answer)) throw this.#connection.wrongAnswer('an answer of another form')
    const number = answer.type === 'applied' ? answer.batch : answer.call
    const line = part.unanswered.get(number)
    if (line?.accepts(answer) !== true) throw this.#connection.wrongAnswer('an answer that nobody waits for')
    if (answer.type !== 'digest' || !answer.more) part.unanswered.delete(number)
    if (part === this.#parts[0]) line.take(answer)
    else part.held.push(() => line.take(answer))
  }

  /** Owners get their answers in the order of their messages, so those of a later part wait for the earlier ones. */
  #passAnswers(): void {
    while (this.#parts[0]?.isComplete === true) {
      this.#parts.shift()
      const held = this.#parts[0]?.held.splice(0) ?? []
      for (const take of held) take()
    }
  }

  /** Asks whether the stream is alive. One that is not, or no answer in time, is a failure. */
  async #probe(): Promise<void> {
    if (this.#isProbing || this.#isClosed || this.#connection.hasFailed) return
    this.#isProbing = true
    const timeoutMs = this.#options.timeoutMs * (1 - PROBE_SHARE * 1.5)
    try {
      await this.#connection.ask({ method: 'GET', path: `${this.#root}/streams/${this.#stream}`, timeoutMs })
      this.#heardAt = performance.now()
    } catch (error) {
      this.#connection.fail(error)
    } finally {
      this.#isProbing = false
    }
  }

  #ask(what: 'stats' | 'fences'): Promise<unknown> {
    return this.#connection.ask({ method: 'GET', path: `${this.#root}/${what}` })
  }

  #whenIdle(): Promise<void> {
    if (this.#parts.length === 0) return Promise.resolve()
    return new Promise(resolve => {
      this.#idle = resolve
    })
  }

  /** A courtesy: a stream that is not ended goes with the next one, or after a while. */
  async #endStream(): Promise<void> {
    if (this.#connection.hasFailed) return
    try {
      await this.#connection.ask({ method: 'DELETE', path: `${this.#root}/streams/${this.#stream}` })
    } catch (error) {
      this.#connection.fail(error)
    }
  }
}

function rootOf(name: string): string {
  return `/v${PROTOCOL_VERSION.major}/servers/${encodeURIComponent(name)}`
}

async function askHealth(connection: RemoteConnection, { name, url }: RemoteOptions): Promise<Health> {
  const health = (await connection.ask({ method: 'GET', path: HEALTH_PATH })) as
    | Partial<Health>
    | null
    | undefined
  const { protocol, servers, limits } = health ?? {}
  if (!isProtocolVersion(protocol)) throw connection.wrongAnswer('no version of the protocol')
  if (commonMinor(protocol) === null) throw new RemoteVersionError(name, url, protocol)
  if (!Array.isArray(servers) || !Number.isSafeInteger(limits?.bodyBytes) || limits === undefined) {
    throw connection.wrongAnswer('a health report of another form')
  }
  if (!servers.includes(name)) throw new RemoteNameError(name, url, servers)
  return { protocol, servers, limits }
}

async function openStream(connection: RemoteConnection, { name }: RemoteOptions): Promise<string> {
  // The next gateway of this process has the same name, so that its stream ends what is left of this one's.
  const client = `${hostname()}/${process.pid}`
  const body = JSON.stringify({ client, protocol: PROTOCOL_VERSION })
  const opened = await connection.ask({ method: 'POST', path: `${rootOf(name)}/streams`, body })
  const { stream } = (opened ?? {}) as { readonly stream?: unknown }
  if (typeof stream !== 'string' || !/^[\w-]{1,64}$/.test(stream)) throw connection.wrongAnswer('no stream')
  return stream
}
