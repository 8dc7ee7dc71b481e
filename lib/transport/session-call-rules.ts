/** What a session call must be before it is sent to anybody. */
import type { SessionId } from '../replication/ids.js'
import { SessionCallInvalidError } from './session-call-errors.js'
import type { SessionCall } from './session-calls.js'

/** Every store takes as many as a key; session servers refuse longer ones. Bytes of UTF-8. */
export const SESSION_ID_BYTES_MAX = 256
/** The last moment that a Date can hold; what ends later is no time that every store could keep. ms since the Unix epoch. */
const EXPIRES_MAX = 8.64e15
/** Begins the ids of Troupe's own records, which no cookie and no call of an app can name. */
export const RESERVED_PREFIX = '#'

/** @returns whether it is the id of one of Troupe's own records */
export function isReserved(id: string): boolean {
  return id.startsWith(RESERVED_PREFIX)
}

/** @throws SessionCallInvalidError */
export function assertSessionCall(call: SessionCall): void {
  if (call.op === 'ids') return
  assertSessionId(call.id)
  if (call.op === 'set' && typeof call.data !== 'string') {
    throw new SessionCallInvalidError(`A session is JSON text here, ${typeof call.data} was given.`)
  }
  if (
    (call.op === 'set' || call.op === 'touch') &&
    !(call.expires <= EXPIRES_MAX && call.expires >= -EXPIRES_MAX)
  ) {
    throw new SessionCallInvalidError(
      `The expiry of a session is a time in ms since the Unix epoch, ${String(call.expires)} was given.`,
    )
  }
}

/** Ids are secrets: the message tells what is wrong with it, not what it is. @throws SessionCallInvalidError */
export function assertSessionId(id: unknown): asserts id is SessionId {
  const wrong = whatIsWrongWith(id)
  if (wrong === null) return
  throw new SessionCallInvalidError(
    `A session id is a text of 1 to ${SESSION_ID_BYTES_MAX} bytes that does not begin with "${RESERVED_PREFIX}", ` +
      `${wrong} was given.`,
  )
}

/** @returns whether a session could have this id: session servers refuse all others */
export function isSessionId(id: string): boolean {
  return whatIsWrongWith(id) === null
}

function whatIsWrongWith(id: unknown): string | null {
  if (typeof id !== 'string') return id === null ? 'null' : typeof id
  if (id === '') return 'an empty text'
  if (isReserved(id)) return `one that begins with "${RESERVED_PREFIX}"`
  const bytes = Buffer.byteLength(id)
  if (bytes > SESSION_ID_BYTES_MAX) return `one of ${bytes} bytes`
  // A lone surrogate would be another id once it has been through UTF-8.
  return /\p{Surrogate}/u.test(id) ? 'one that is no well-formed Unicode' : null
}
