/** The log of the process: JSON lines for programs, coloured lines for people. */
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from '../config/schema.js'
import { type ActorOutput, loggedOutput, prefixedOutput } from '../director/logs/actor-output.js'

const STDOUT = 1
/** What may wait to be written when nobody reads standard output, bytes: lines beyond it are dropped and counted. */
const WAITING_BYTES_MAX = 16 * 1024 * 1024
/** Longest wait for the last lines to be written, ms: a pipe that nobody reads must not keep the process. */
const FLUSH_MS = 2_000

/** A log to standard output. */
export function createLog(config: Config['log']): Logger {
  if (!isPretty(config)) return createJsonLog(config.level)
  // Synchronous, so that nothing is lost when the process ends right after.
  const stream = pretty({
    destination: STDOUT,
    sync: true,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
  })
  return pino({ level: config.level }, stream)
}

/**
 * Written by threads of the system's, so that a slow reader does not hold up the director; lines that come while some are
 * being written go out together. At the end of the process pino writes what is left.
 */
function createJsonLog(level: Config['log']['level']): Logger {
  const stream = pino.destination({ dest: STDOUT, sync: false, maxLength: WAITING_BYTES_MAX })
  const log = pino({ level }, stream)
  let dropped = 0
  stream.on('drop', () => {
    dropped++
  })
  stream.on('drain', () => {
    if (dropped === 0) return
    const lines = dropped
    dropped = 0
    log.warn({ lines }, 'lines of this log were dropped, since standard output was not read')
  })
  return log
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
  return pretty === 'auto' ? process.stdout.isTTY === true : pretty
}
