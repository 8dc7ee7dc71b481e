/** Why something could not be done, as the admin listener tells it: with the code of the error, and what to do. */
import { inspect } from 'node:util'
import { TroupeError } from '../errors.js'
import { type Answer, errorAnswer } from './answers.js'

/** An error, as it is written into an answer. */
export interface Failure {
  readonly code: string
  readonly message: string
  /** What the app itself threw, with its stack. */
  readonly detail?: string
}

/** What was asked is in the way of most: 409. The others. */
const STATUSES: Readonly<Record<string, number>> = {
  ADMIN_BODY_INVALID: 400,
  ADMIN_TOKEN_REQUIRED: 403,
  SCALE_RANGE: 400,
  SESSION_CALL_INVALID: 400,
  SESSION_INDEX_UNKNOWN: 400,
  SESSION_UNKNOWN: 404,
  UNKNOWN_ACTOR: 404,
  CLUSTER_STOPPING: 503,
  OWNERSHIP_LOST: 503,
  REPLICATION_TIMEOUT: 503,
  SESSION_UNAVAILABLE: 503,
}
const STATUS_ELSE = 409

/** Enough for any stack that somebody reads. */
const DETAIL_CHARS_MAX = 8 * 1024
/** Causes of causes: an app that does not load is three deep. */
const CAUSES_MAX = 8

/** What a request has in its body is not what it should be. */
export class AdminBodyError extends TroupeError {
  readonly code = 'ADMIN_BODY_INVALID'
}

/** Without a token, ids and data of sessions would be told to every program of this machine. */
export class AdminTokenRequiredError extends TroupeError {
  readonly code = 'ADMIN_TOKEN_REQUIRED'

  constructor() {
    super(
      'Ids and data of sessions are told only where admin.token is set: without it, every program of this machine ' +
        'could ask for them. Set it, and start Troupe again.',
    )
  }
}

/** There is no session with that id or fingerprint. */
export class SessionUnknownError extends TroupeError {
  readonly code = 'SESSION_UNKNOWN'

  constructor() {
    super('There is no session with that id or fingerprint; it may have ended.')
  }
}

/** @returns the answer for an error that says what to do. @throws any other, for the log */
export function failureAnswer(error: unknown): Answer {
  const { code, message, detail } = failureOf(error)
  const answer = errorAnswer(STATUSES[code] ?? STATUS_ELSE, code, message)
  return detail === undefined ? answer : { ...answer, body: { error: { code, message, detail } } }
}

/** @returns what to tell of an error that says what to do. @throws any other, for the log */
export function failureOf(error: unknown): Failure {
  if (!(error instanceof TroupeError)) throw error
  const { code, message } = error
  const thrown = thrownByApp(error)
  if (thrown === undefined) return { code, message }
  return { code, message, detail: inspect(thrown).slice(0, DETAIL_CHARS_MAX) }
}

/** @returns what an app that could not be loaded threw */
function thrownByApp(error: unknown): unknown {
  let cause = error
  for (let depth = 0; depth < CAUSES_MAX && cause instanceof Error; depth++) {
    if ('code' in cause && cause.code === 'APP_LOAD_FAILED') return cause.cause
    cause = cause.cause
  }
  return undefined
}
