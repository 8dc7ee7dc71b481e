/**
 * What apps print with `console.log` and the like on actors' threads: put together to messages and passed on with the
 * actor's name, not faster than the director can afford.
 */
import { once } from 'node:events'
import type { Readable, Writable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'
import type { Logger } from 'pino'
import { OUTPUT_WRITE_COST_BYTES } from '../../transport/thread-output.js'

/** Where an app printed. */
export type OutputStream = 'stdout' | 'stderr'

/** Takes one message, without its last line feed. Must not throw. */
export type ActorOutput = (actor: string, stream: OutputStream, text: string) => void

/** What one thread prints on both streams, as Node's `Worker` gives it. */
export interface ThreadStreams {
  readonly stdout: Readable
  readonly stderr: Readable
}

/** Longest message, characters: a longer one is several. */
const MESSAGE_CHARS_MAX = 64 * 1024
/**
 * What one stream may have read within {@link PERIOD_MS}, bytes, with the cost of each write: 2.5 MiB/s of long lines, or
 * 20,000 short ones, which cost the director a few percent.
 */
const PERIOD_BYTES_MAX = 256 * 1024
const PERIOD_MS = 100

/** A line of the log for each message: info, or warn for what went to standard error. */
export function loggedOutput(log: Logger): ActorOutput {
  return (actor, stream, text) => {
    if (stream === 'stderr') log.warn({ actor, stream }, text)
    else log.info({ actor, stream }, text)
  }
}

const TAB = 9
const ESCAPE = 27
/** A control character, and what makes a colour of an escape. */
const CONTROL = /\p{Cc}(\[[\d;]*m)?/gu

/** Lines for people, the actor's name before each. */
export function prefixedOutput(to: { readonly [S in OutputStream]: Writable }): ActorOutput {
  return (actor, stream, text) => {
    const lines = text.split(/\r?\n/).map(line => `${actor} | ${shown(line)}\n`)
    to[stream].write(lines.join(''))
  }
}

/**
 * Without what a terminal carries out rather than shows, colours and tabs apart: apps print what clients have sent, and a
 * carriage return or an escape sequence in that would forge or hide lines.
 */
function shown(line: string): string {
  return line.replace(CONTROL, (found, colour: string | undefined) => {
    const code = found.charCodeAt(0)
    if (code === TAB || (code === ESCAPE && colour !== undefined)) return found
    return `\\x${code.toString(16).padStart(2, '0')}${colour ?? ''}`
  })
}

/**
 * Passes on what a thread prints, in place of Node, which would print it as it is.
 * @returns to be called when the thread is gone: resolves once everything was passed on
 */
export function passOutput(
  actor: string,
  { stdout, stderr }: ThreadStreams,
  output: ActorOutput,
): () => Promise<void> {
  stdout.unpipe(process.stdout)
  stderr.unpipe(process.stderr)
  const readers = [
    new OutputReader(stdout, text => output(actor, 'stdout', text)),
    new OutputReader(stderr, text => output(actor, 'stderr', text)),
  ]
  return async () => {
    await Promise.all(readers.map(reader => reader.readRest()))
  }
}

/** One stream of one thread. */
class OutputReader {
  readonly #stream: Readable
  readonly #tell: (text: string) => void
  readonly #decoder = new StringDecoder('utf8')
  #line = ''
  #bytes = 0
  #period: NodeJS.Timeout | undefined = undefined
  #isRest = false

  constructor(stream: Readable, tell: (text: string) => void) {
    this.#stream = stream
    this.#tell = tell
    stream.on('data', (chunk: Buffer) => this.#read(chunk))
    // A stream that was piped and is no more is paused until it is told otherwise.
    stream.resume()
  }

  async readRest(): Promise<void> {
    this.#isRest = true
    clearTimeout(this.#period)
    this.#stream.resume()
    if (!this.#stream.readableEnded) await once(this.#stream, 'end')
    this.#messages(this.#line + this.#decoder.end())
    this.#line = ''
  }

  /**
   * One write is one message if it ends a line, as those of `console` do: so a stack stays together. The beginning of a
   * line waits for its end.
   */
  #read(chunk: Buffer): void {
    const text = this.#line + this.#decoder.write(chunk)
    const end = text.lastIndexOf('\n')
    const isLong = text.length - end > MESSAGE_CHARS_MAX
    if (end >= 0) this.#message(text.slice(0, end))
    this.#line = isLong ? '' : text.slice(end + 1)
    if (isLong) this.#messages(text.slice(end + 1))
    this.#slowDown(chunk.length)
  }

  #messages(text: string): void {
    if (text !== '') this.#message(text)
  }

  #message(text: string): void {
    for (let at = 0; at === 0 || at < text.length; at += MESSAGE_CHARS_MAX) {
      this.#tell(text.slice(at, at + MESSAGE_CHARS_MAX))
    }
  }

  /** What is not read waits on the other side, which has a bound: see `transport/thread-output.ts`. */
  #slowDown(bytes: number): void {
    if (this.#isRest) return
    this.#bytes += bytes + OUTPUT_WRITE_COST_BYTES
    this.#period ??= setTimeout(() => {
      this.#period = undefined
      this.#bytes = 0
      this.#stream.resume()
    }, PERIOD_MS).unref()
    if (this.#bytes > PERIOD_BYTES_MAX) this.#stream.pause()
  }
}
