/** The log of the process: JSON lines for programs, coloured lines for people. */
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'
import type { Config } from '../config/schema.js'

const STDOUT = 1

/** A log to standard output. */
export function createLog(config: Config['log']): Logger {
  if (!isPretty(config)) return pino({ level: config.level })
  // Synchronous, so that nothing is lost when the process ends right after.
  const stream = pretty({
    destination: STDOUT,
    sync: true,
    ignore: 'pid,hostname',
    translateTime: 'SYS:HH:MM:ss.l',
  })
  return pino({ level: config.level }, stream)
}

/** @returns whether this log is for people. */
export function isPretty({ pretty }: Config['log']): boolean {
  return pretty === 'auto' ? process.stdout.isTTY === true : pretty
}
