/** What a hostile case is: bytes and the outcome that they must have. */

/** An outcome: the statuses of all answers on the connection in order, and what apps saw of it. */
export interface Outcome {
  /** Statuses in order. An empty list is a connection closed without a word. */
  readonly answers: readonly number[]
  /** Requests that an app read to their end: `GET /path`, and `POST /path 5` with 5 bytes of body. In any order. */
  readonly seen: readonly string[]
}

/** One case. All are followed by `GET /after` on the same connection, which is the last unless the case ends before. */
export interface HostileCase {
  readonly name: string
  /** latin1 text or bytes; each piece leaves in a packet of its own. */
  readonly bytes: string | Buffer | readonly (string | Buffer)[]
  /** The outcomes that are right; more than one where versions of Node.js differ and each is as good. */
  readonly outcomes: readonly Outcome[]
  /** Where it is written what is right. */
  readonly source: string
  /** Nothing follows: the bytes are a beginning only, or end the connection themselves. */
  readonly alone?: boolean
}

/** What follows each case. */
export const AFTER = 'GET /after HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'

/** Refused as no HTTP: 400, closed, and neither this request nor what follows reaches an app. */
export const REFUSED: Outcome = { answers: [400], seen: [] }
/** Closed without a word. */
export const CUT: Outcome = { answers: [], seen: [] }
/** Its head or a part of it is too large. */
export const TOO_LARGE: Outcome = { answers: [431], seen: [] }

/** @returns the outcome of requests that are all served, with `GET /after` */
export function served(...seen: readonly string[]): Outcome {
  return { answers: [...seen.map(() => 200), 200], seen: [...seen, 'GET /after'] }
}

/** @returns the outcome of requests that are served before one that is refused */
export function refusedAfter(...seen: readonly string[]): Outcome {
  return { answers: [...seen.map(() => 200), 400], seen }
}
