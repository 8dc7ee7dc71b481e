/**
 * Counts what goes through the front, by web server: preallocated counters, so that a request costs two looks at the
 * clock (some 45 ns each) and a few additions.
 */

import type { Bytes } from '../../transport/exchange-messages.js'
import { DurationHistogram } from '../../transport/histogram.js'
import type { WebServerTraffic } from '../measured.js'
import type { Flight } from './flight.js'

/** Whether a method only reads (RFC 9110, 9.2.1): the label `method`. */
export const METHOD_CLASSES = ['read', 'write'] as const
/**
 * How a request ended: the class of its status; `cut` when its answer was begun and never ended, `aborted` when its
 * client left before an answer. The label `status`.
 */
export const OUTCOMES = ['1xx', '2xx', '3xx', '4xx', '5xx', 'cut', 'aborted'] as const

const CUT = OUTCOMES.indexOf('cut')
const ABORTED = OUTCOMES.indexOf('aborted')
const READING = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])
/** Where the first digit of the status is in `HTTP/1.1 200 OK`. */
const STATUS_AT = 9
const DIGIT_0 = 48
const LETTER_H = 72
const SLASH = 47
const SWITCHING = '101'

/** The counters of one web server. */
class Counters {
  readonly requests = METHOD_CLASSES.map(() => new Float64Array(OUTCOMES.length))
  readonly durations = METHOD_CLASSES.map(() => new DurationHistogram())
}

/** All that went through one front. */
export class Traffic {
  /** Web servers have the same names after a restart, so these are never more than there are web servers. */
  readonly #byWebServer = new Map<string | null, Counters>()

  /** A request is over. @param webServer who had it last, null for none */
  ended(flight: Flight, webServer: string | null): void {
    let counters = this.#byWebServer.get(webServer)
    if (counters === undefined) {
      counters = new Counters()
      this.#byWebServer.set(webServer, counters)
    }
    const method = READING.has(flight.req.method ?? '') ? 0 : 1
    const outcome = outcomeOf(flight)
    const requests = counters.requests[method]
    if (requests !== undefined) requests[outcome] = (requests[outcome] ?? 0) + 1
    // Whoever left does not tell how long an answer takes.
    if (flight.kind === 'request' && outcome !== ABORTED) {
      counters.durations[method]?.observe(performance.now() - flight.startedAt)
    }
  }

  read(): WebServerTraffic[] {
    return [...this.#byWebServer].map(([webServer, { requests, durations }]) => ({
      webServer,
      requests: requests.map(counts => [...counts]),
      durations: durations.map(histogram => histogram.read()),
    }))
  }
}

/**
 * @param bytes the beginning of an answer, or what follows an interim one
 * @returns the class of its status, 1 to 5; 0 when it is an interim one, and the next bytes will tell
 */
export function statusClassIn(bytes: Bytes): number {
  if (!startsHead(bytes)) return 0
  const digit = (typeof bytes === 'string' ? bytes.charCodeAt(STATUS_AT) : bytes[STATUS_AT]) ?? 0
  const status = digit - DIGIT_0
  if (status > 1 && status <= 5) return status
  if (status !== 1) return 0
  const head =
    typeof bytes === 'string' ? bytes : Buffer.from(bytes.subarray(0, STATUS_AT + 3)).toString('latin1')
  return head.startsWith(SWITCHING, STATUS_AT) ? 1 : 0
}

/** @param bytes the beginning of an answer that {@link statusClassIn} knows the class of @returns its status */
export function statusIn(bytes: Bytes): number {
  const end = STATUS_AT + 3
  const digits =
    typeof bytes === 'string'
      ? bytes.slice(STATUS_AT, end)
      : Buffer.from(bytes.subarray(STATUS_AT, end)).toString('latin1')
  return Number(digits)
}

function startsHead(bytes: Bytes): boolean {
  return typeof bytes === 'string' ? bytes.startsWith('HTTP/') : bytes[0] === LETTER_H && bytes[4] === SLASH
}

function outcomeOf({ statusClass, begun, responseEnded }: Flight): number {
  if (begun && !responseEnded) return CUT
  if (statusClass > 0) return statusClass - 1
  return begun ? 0 : ABORTED
}
