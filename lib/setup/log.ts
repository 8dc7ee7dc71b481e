/** The log of the process: JSON lines for programs, coloured lines for people. */
import { Writable } from 'node:stream'
import { isatty } from 'node:tty'
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from '../config/schema.js'
import { type ActorOutput, loggedOutput, prefixedOutput } from '../director/logs/actor-output.js'

const STDOUT = 1
/** What may wait to be written when nobody reads standard output, bytes: lines beyond it are dropped and counted. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024
/** What one write may take that is under way when the process ends, ms. */
const LAST_WRITE_MS = 50
/** Longest wait for the last lines to be written, ms: a pipe that nobody reads must not keep the process. */
const FLUSH_MS = 2_000

/** A log to standard output, which does not end the process when nobody can be written to any more. */
export function createLog(config: Config['log']): Logger {
  if (!isPretty(config)) {
    standardOutput ??= openStandardOutput()
    return pino({ level: config.level }, standardOutput)
  }
  outliveReaders()
  // Synchronous, so that nothing is lost when the process ends right after.
  const stream = pretty({
    destination: openTerminal(),
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
  })
  return pino({ level: config.level }, stream)
}

/** What was printed for people has no errors: those of a terminal that was closed would end the process before its stop. */
function openTerminal(): Writable {
  const output = pino.destination({ dest: STDOUT, sync: true, maxLength: WAITING_BYTES_MAX })
  output.on('error', () => {})
  return new Writable({
    write: (text: Buffer, _encoding, done) => {
      output.write(text.toString())
      done()
    },
  })
}

/** What pino writes to. */
type Destination = Pick<ReturnType<typeof pino.destination>, 'write' | 'flush'>

/** One for the process, however many logs it makes: each would otherwise have a say at its end. */
let standardOutput: Destination | null = null

/**
 * Written by threads of the system's, so that a slow reader does not hold up the director; lines that come while some are
 * being written go out together. At the end of the process pino writes what is left.
 */
function openStandardOutput(): Destination {
  // With no least length a flush would not wait.
  const stream = pino.destination({ dest: STDOUT, sync: false, minLength: 1, maxLength: WAITING_BYTES_MAX })
  let isWriting = false
  let isFailing = false
  let dropped = 0
  const destination: Destination = {
    write: line => {
      isWriting = true
      return stream.write(line)
    },
    flush: done => stream.flush(done),
  }
  const log = pino({ level: 'warn' }, destination)
  stream.on('drop', () => {
    dropped++
  })
  // A full disk, mostly. The next line tries it again with all that waits.
  stream.on('error', () => {
    isWriting = false
    isFailing = true
  })
  stream.on('write', () => {
    isFailing = false
  })
  // It would try for ever, and the process never end.
  const flushSync = stream.flushSync.bind(stream)
  stream.flushSync = () => {
    if (!isFailing) flushSync()
  }
  stream.on('drain', () => {
    isWriting = false
    if (dropped === 0) return
    const lines = dropped
    dropped = 0
    log.warn({ lines }, 'lines of this log were dropped, since standard output was not read')
  })
  // Before pino's: what another thread is just writing is not written again, and would be cut off by the end.
  process.prependListener('exit', () => {
    if (isWriting) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LAST_WRITE_MS)
  })
  return destination
}

let isOutliving = false

/** What people are told past the log, such as the greeting and what apps print, may find nobody there. */
function outliveReaders(): void {
  if (isOutliving) return
  isOutliving = true
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
}

/** Resolves when everything logged so far was written, or that takes too long. Call it before the process ends. */
export async function flushLog(log: Logger): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const enough = new Promise<void>(resolve => {
    timer = setTimeout(resolve, FLUSH_MS)
  })
  const flushed = new Promise<void>(resolve => log.flush(() => resolve()))
  await Promise.race([flushed, enough])
  clearTimeout(timer)
}

/** @returns where this log has what actors' threads print: lines of its own, or lines for people between its own */
export function outputFor(config: Config['log'], log: Logger): ActorOutput {
  return isPretty(config) ? prefixedOutput(process) : loggedOutput(log)
}

/** @returns whether this log is for people. */
export function isPretty({ pretty }: Config['log']): boolean {
  return pretty === 'auto' ? isatty(STDOUT) : pretty
}
