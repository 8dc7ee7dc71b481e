/**
 * Errors between threads. `postMessage` drops an error's `code` and own fields and Comlink its cause as well, so an
 * error travels as plain data and is made an Error again on the other side.
 */
import { inspect } from 'node:util'
import { TroupeError } from '../errors.js'
import { type Budget, cutText, errorBudget, plainCopy } from './plain-copy.js'

/** Causes of causes, and errors in fields, beyond this depth are left out: deeper chains explain nothing more. */
const DEPTH_MAX = 8

/** An error as plain data: what structured clone carries without loss. */
export interface WireError {
  readonly name: string
  readonly message: string
  readonly stack: string | null
  readonly code: string | number | null
  /** Own enumerable fields, but for those that can't be copied (functions, symbols, live objects). */
  readonly fields: Readonly<Record<string, WireValue>>
  readonly cause: WireValue | null
  /** The errors of an AggregateError. */
  readonly errors: readonly WireValue[] | null
  /** Set when something that is not an Error was thrown. */
  readonly thrown: { readonly value: unknown } | null
}

/** What hangs on an error: another error, or plain data. */
export type WireValue = { readonly error: WireError } | { readonly value: unknown }

/** Something that is not an Error was thrown in another thread; `value` is a copy of it. */
export class ThrownValueError extends TroupeError {
  readonly code = 'THROWN_VALUE'
  readonly value: unknown

  constructor(message: string, value: unknown) {
    super(message)
    this.value = value
  }
}

/** @param thrown whatever a `throw` or a rejection gave @returns its wire form, bounded in depth and size; never throws */
export function toWireError(thrown: unknown): WireError {
  return toWire(thrown, DEPTH_MAX, errorBudget())
}

/** @returns what was caught: the error itself, or for anything else the one that would arrive at another thread */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : fromWireError(toWireError(thrown))
}

/**
 * @returns an Error with the name, message, code, stack, fields, cause and errors that were thrown (of the built-in
 * class when it was one), or a {@link ThrownValueError} when what was thrown is not an Error.
 */
export function fromWireError(wire: WireError): Error {
  if (wire.thrown !== null) return new ThrownValueError(wire.message, wire.thrown.value)
  const error = emptyError(wire)
  const define = (key: string, value: unknown, enumerable: boolean): void => {
    Object.defineProperty(error, key, { value, enumerable, configurable: true, writable: true })
  }
  if (error.name !== wire.name) define('name', wire.name, false)
  define('stack', wire.stack ?? undefined, false)
  for (const [key, value] of Object.entries(wire.fields)) define(key, fromValue(value), true)
  if (wire.code !== null) define('code', wire.code, true)
  if (wire.cause !== null) define('cause', fromValue(wire.cause), false)
  return error
}

function toWire(thrown: unknown, depth: number, budget: Budget): WireError {
  if (!isError(thrown)) {
    const shown = attempt(() => inspect(thrown, { depth: 1 })) ?? 'a value that can not be shown'
    const message = `${cutText(shown, budget)} was thrown, where an Error was expected. Throw an Error.`
    const value = plainCopy(thrown, budget)
    return {
      ...NOTHING,
      name: 'ThrownValueError',
      message,
      thrown: { value: value.copied ? value.value : undefined },
    }
  }
  // Whoever made the error may have put getters or a Proxy here, so each look at it may throw.
  const look = (key: string): unknown => attempt(() => (thrown as unknown as Record<string, unknown>)[key])
  const text = (key: string): string | null => {
    const value = look(key)
    return typeof value === 'string' ? cutText(value, budget) : null
  }
  const code = look('code')
  const cause = look('cause')
  const errors = look('errors')
  return {
    name: text('name') ?? 'Error',
    message: text('message') ?? '',
    stack: text('stack'),
    code: typeof code === 'string' ? cutText(code, budget) : typeof code === 'number' ? code : null,
    cause: cause === undefined ? null : toValue(cause, depth - 1, budget),
    errors: isAggregate(thrown) && Array.isArray(errors) ? toValues(errors, depth - 1, budget) : null,
    fields: toFields(thrown, look, depth - 1, budget),
    thrown: null,
  }
}

const NOTHING = { stack: null, code: null, fields: {}, cause: null, errors: null } as const
/** Told apart from fields: they have places of their own. */
const OWN_PLACES: ReadonlySet<string> = new Set(['name', 'message', 'stack', 'code', 'cause'])

function toFields(
  error: Error,
  look: (key: string) => unknown,
  depth: number,
  budget: Budget,
): Record<string, WireValue> {
  const fields: Record<string, WireValue> = {}
  for (const key of attempt(() => Object.keys(error)) ?? []) {
    if (OWN_PLACES.has(key) || key === '__proto__' || (key === 'errors' && isAggregate(error))) continue
    budget.left -= key.length
    const value = toValue(look(key), depth, budget)
    if (value !== null) fields[key] = value
  }
  return fields
}

function toValues(values: readonly unknown[], depth: number, budget: Budget): WireValue[] {
  const wires: WireValue[] = []
  for (const value of values) {
    const wire = toValue(value, depth, budget)
    if (wire !== null) wires.push(wire)
  }
  return wires
}

/** @returns null when it can't be carried: not plain data, too deep, or no budget left */
function toValue(value: unknown, depth: number, budget: Budget): WireValue | null {
  if (depth <= 0 || budget.left <= 0) return null
  if (isError(value)) return { error: toWire(value, depth, budget) }
  const copy = plainCopy(value, budget)
  return copy.copied ? { value: copy.value } : null
}

function fromValue(wire: WireValue): unknown {
  return 'error' in wire ? fromWireError(wire.error) : wire.value
}

const BUILT_IN = { EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError }

function emptyError(wire: WireError): Error {
  if (wire.errors !== null) return new AggregateError(wire.errors.map(fromValue), wire.message)
  const name = wire.name as keyof typeof BUILT_IN
  return Object.hasOwn(BUILT_IN, name) ? new BUILT_IN[name](wire.message) : new Error(wire.message)
}

function isError(value: unknown): value is Error {
  return (
    attempt(() => value instanceof Error || Object.prototype.toString.call(value) === '[object Error]') ??
    false
  )
}

function isAggregate(error: Error): boolean {
  return attempt(() => error instanceof AggregateError) ?? false
}

/** For looks at objects whose makers may have booby-trapped them: what can't be read counts as absent. */
function attempt<T>(look: () => T): T | undefined {
  try {
    return look()
  } catch {
    return undefined
  }
}
