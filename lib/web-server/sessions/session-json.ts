/**
 * A session as JSON text and back. What JSON would lose silently is an error that names its place; what JSON changes
 * (dates, class instances) is reported, so that the live value can be replaced by what every later reader will see.
 */
import { types } from 'node:util'
import {
  SessionNotSerializableError,
  SessionTooLargeError,
  SessionUnreadableError,
} from './session-errors.js'

/** The members of a session: own data properties only. */
export type SessionRecord = Record<string, unknown>

/** What {@link serializeSession} needs to know besides the data. */
export interface SerializeOptions {
  /** The customised cookie as JSON text, null when it is the default. */
  readonly cookieText: string | null
  /** The text committed before: the walk that looks for what JSON loses is skipped when nothing changed. */
  readonly previous: string
  /** Members were assigned since: walk even when the text is the same, since a function leaves no trace in it. */
  readonly assigned: boolean
  /** Largest text, bytes of UTF-8. */
  readonly maxBytes: number
}

/** The outcome of {@link serializeSession}. */
export interface SerializedSession {
  readonly text: string
  /** The live data holds values that read differently once they have been through JSON. */
  readonly exotic: boolean
}

/** A parsed session. */
export interface ParsedSession {
  readonly data: SessionRecord
  readonly cookieText: string | null
}

/** The text of a session without data. */
export const EMPTY_SESSION = '{}'

/** How many of the largest keys {@link SessionTooLargeError} names. */
const LARGEST_KEYS = 3
/** UTF-8 takes at most this many bytes for one UTF-16 unit. */
const MAX_BYTES_PER_CHAR = 3

/**
 * @returns the session as JSON text
 * @throws SessionNotSerializableError | SessionTooLargeError
 */
export function serializeSession(data: SessionRecord, options: SerializeOptions): SerializedSession {
  const text = withCookie(stringify(data), options.cookieText)
  const changed = text !== options.previous
  const exotic = changed || options.assigned ? inspect(data) : false
  if (changed) limit(text, data, options.maxBytes)
  return { text, exotic }
}

/** @throws SessionUnreadableError when the text is not a JSON object */
export function parseSession(text: string): ParsedSession {
  let data: unknown
  try {
    // JSON.parse defines own members, `__proto__` too: it can't reach a prototype.
    data = JSON.parse(text)
  } catch (cause) {
    throw new SessionUnreadableError({ cause })
  }
  if (typeof data !== 'object' || data === null || Array.isArray(data)) throw new SessionUnreadableError()
  const record = data as SessionRecord
  if (!Object.hasOwn(record, 'cookie')) return { data: record, cookieText: null }
  const cookieText = JSON.stringify(record.cookie)
  delete record.cookie
  return { data: record, cookieText }
}

/**
 * Takes in a session that was made elsewhere, in the form that {@link serializeSession} gives it.
 * @returns null when the text is not a JSON object
 * @throws SessionTooLargeError
 */
export function acceptSession(
  text: string,
  maxBytes: number,
): { readonly text: string; readonly parsed: ParsedSession } | null {
  let parsed: ParsedSession
  try {
    parsed = parseSession(text)
  } catch {
    return null
  }
  const own = withCookie(JSON.stringify(parsed.data), parsed.cookieText)
  limit(own, parsed.data, maxBytes)
  return { text: own, parsed }
}

function stringify(data: SessionRecord): string {
  try {
    return JSON.stringify(data)
  } catch (cause) {
    inspect(data, cause)
    throw new SessionNotSerializableError('*', 'something that threw an error of its own', { cause })
  }
}

function withCookie(text: string, cookieText: string | null): string {
  if (cookieText === null) return text
  return text === EMPTY_SESSION ? `{"cookie":${cookieText}}` : `${text.slice(0, -1)},"cookie":${cookieText}}`
}

function limit(text: string, data: SessionRecord, maxBytes: number): void {
  if (text.length * MAX_BYTES_PER_CHAR <= maxBytes) return
  const bytes = Buffer.byteLength(text)
  if (bytes <= maxBytes) return
  const sizes = Object.entries(data).map(([key, value]): [string, number] => {
    return [key, Buffer.byteLength(JSON.stringify(value) ?? '')]
  })
  sizes.sort((a, b) => b[1] - a[1])
  throw new SessionTooLargeError(bytes, maxBytes, sizes.slice(0, LARGEST_KEYS))
}

/** Walks the whole session. @returns whether a value of it changes by going through JSON */
function inspect(data: SessionRecord, cause?: unknown): boolean {
  if (isPlainlyFlat(data)) return false
  const walk: Walk = { keys: [], above: new Set<object>([data]), cause }
  try {
    return inspectMembers(data, walk)
  } catch (error) {
    if (error instanceof RangeError) {
      throw new SessionNotSerializableError('*', 'nested too deeply', { cause: error })
    }
    throw error
  }
}

/** Whether all members are text, booleans, integers or null: most sessions, and nothing that JSON could lose. */
function isPlainlyFlat(data: SessionRecord): boolean {
  for (const key in data) {
    const value = data[key]
    if (typeof value === 'string' || typeof value === 'boolean' || value === null) continue
    if (!Number.isInteger(value) || Object.is(value, -0)) return false
  }
  return true
}

/** Where a walk is. */
interface Walk {
  /** The way from the session to the value at hand. */
  readonly keys: (string | number)[]
  /** The objects on that way. */
  readonly above: Set<object>
  /** The error of JSON.stringify that led to the walk. */
  readonly cause: unknown
}

function inspectMembers(record: object, walk: Walk): boolean {
  let exotic = false
  for (const key of Object.keys(record)) {
    walk.keys.push(key)
    if (inspectValue((record as SessionRecord)[key], walk)) exotic = true
    walk.keys.pop()
  }
  return exotic
}

function inspectItems(items: readonly unknown[], walk: Walk): boolean {
  let exotic = false
  // By index: a hole becomes null, too.
  for (let index = 0; index < items.length; index++) {
    walk.keys.push(index)
    if (inspectValue(items[index], walk)) exotic = true
    walk.keys.pop()
  }
  return exotic
}

function inspectValue(value: unknown, walk: Walk): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return false
    case 'undefined':
      return true
    case 'number':
      if (!Number.isFinite(value)) throw lossAt(walk, String(value))
      return Object.is(value, -0)
    case 'object':
      return value === null ? false : inspectObject(value, walk)
    default:
      throw lossAt(walk, `a ${typeof value}`)
  }
}

function inspectObject(value: object, walk: Walk): boolean {
  if (walk.above.has(value)) throw lossAt(walk, 'a reference to something it is part of')
  walk.above.add(value)
  const exotic = inspectContent(value, walk)
  walk.above.delete(value)
  return exotic
}

function inspectContent(value: object, walk: Walk): boolean {
  if ('toJSON' in value && typeof value.toJSON === 'function') {
    const json = callToJson(value as { toJSON(): unknown }, walk)
    if (json !== value) inspectValue(json, walk)
    return true
  }
  if (Array.isArray(value)) return inspectItems(value, walk)
  const prototype: unknown = Object.getPrototypeOf(value)
  if (prototype === Object.prototype || prototype === null) return inspectMembers(value, walk)
  const emptied = emptiedByJson(value)
  if (emptied !== null) throw lossAt(walk, emptied)
  inspectMembers(value, walk)
  return true
}

function callToJson(value: { toJSON(): unknown }, walk: Walk): unknown {
  try {
    return value.toJSON()
  } catch (cause) {
    throw lossAt({ ...walk, cause }, 'something whose toJSON throws')
  }
}

function lossAt({ keys, cause }: Walk, found: string): SessionNotSerializableError {
  const path = keys.reduce<string>((above, key) => above + step(key, above === ''), '')
  return new SessionNotSerializableError(path, found, { cause })
}

function step(key: string | number, isFirst: boolean): string {
  if (typeof key === 'number') return `[${key}]`
  if (!/^[A-Za-z_$][\w$]*$/.test(key)) return `[${JSON.stringify(key)}]`
  return isFirst ? key : `.${key}`
}

/** Built-ins that JSON turns into `{}`, whatever they hold. */
function emptiedByJson(value: object): string | null {
  if (types.isMap(value)) return 'a Map'
  if (types.isSet(value)) return 'a Set'
  if (types.isWeakMap(value) || types.isWeakSet(value)) return 'a weak collection'
  if (types.isPromise(value)) return 'a Promise'
  if (types.isRegExp(value)) return 'a RegExp'
  if (types.isNativeError(value)) return 'an Error'
  if (types.isAnyArrayBuffer(value)) return 'an ArrayBuffer'
  return null
}
