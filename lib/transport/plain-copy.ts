/** Copies of arbitrary values as plain data that structured clone accepts, bounded in size and depth. */

/** Characters (or bytes) that one error may still take, causes and fields included. */
export interface Budget {
  left: number
}

/** One error with all that hangs on it: enough for stacks and context, small beside a response. */
const ERROR_BUDGET = 64 * 1024
/** A single text within an error: a stack of a hundred long lines. */
const TEXT_CHARS_MAX = 16 * 1024
/** Nesting of plain data. */
const DEPTH_MAX = 6
/** What any value costs beyond its characters, so that many small ones are bounded too. */
const VALUE_COST = 8

/** @returns a fresh budget for one error */
export function errorBudget(): Budget {
  return { left: ERROR_BUDGET }
}

/** @returns the text, cut to what one text may have and the budget has left; a cut ends in `…` */
export function cutText(text: string, budget: Budget): string {
  const charsMax = Math.max(0, Math.min(TEXT_CHARS_MAX, budget.left))
  budget.left -= Math.min(text.length, charsMax)
  return text.length <= charsMax ? text : `${text.slice(0, charsMax)}…`
}

/** Whether a value could be copied, and its copy. */
export type Copied = { readonly copied: true; readonly value: unknown } | typeof NOT_COPIED

const NOT_COPIED = { copied: false } as const

/**
 * Copies primitives, dates, bytes, arrays and plain objects. Parts that are something else (functions, symbols,
 * instances of classes) are left out of their object, and are null in an array. Never throws.
 */
export function plainCopy(value: unknown, budget: Budget): Copied {
  return copy(value, DEPTH_MAX, budget)
}

function copy(value: unknown, depth: number, budget: Budget): Copied {
  budget.left -= VALUE_COST
  if (budget.left <= 0) return NOT_COPIED
  switch (typeof value) {
    case 'string':
      return { copied: true, value: cutText(value, budget) }
    case 'number':
    case 'boolean':
    case 'undefined':
      return { copied: true, value }
    case 'bigint':
      return copyBigint(value, budget)
    case 'object':
      return value === null ? { copied: true, value } : copyObject(value, depth, budget)
    default:
      return NOT_COPIED
  }
}

function copyBigint(value: bigint, budget: Budget): Copied {
  // Beyond 64 bits its size in bytes is unknown without writing it out.
  if (BigInt.asIntN(64, value) !== value) return NOT_COPIED
  budget.left -= VALUE_COST
  return { copied: true, value }
}

function copyObject(value: object, depth: number, budget: Budget): Copied {
  if (depth <= 0) return NOT_COPIED
  try {
    if (Array.isArray(value)) return { copied: true, value: copyArray(value, depth, budget) }
    if (value instanceof Date) return { copied: true, value: new Date(value.getTime()) }
    if (value instanceof Uint8Array) return copyBytes(value, budget)
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== Object.prototype && prototype !== null) return NOT_COPIED
    return { copied: true, value: copyFields(value, depth, budget) }
  } catch {
    // A getter or a Proxy that throws: its object counts as one that can't be copied.
    return NOT_COPIED
  }
}

function copyArray(values: readonly unknown[], depth: number, budget: Budget): unknown[] {
  const copies: unknown[] = []
  for (const value of values) {
    if (budget.left <= 0) break
    const copied = copy(value, depth - 1, budget)
    copies.push(copied.copied ? copied.value : null)
  }
  return copies
}

function copyBytes(bytes: Uint8Array, budget: Budget): Copied {
  if (bytes.byteLength > budget.left) return NOT_COPIED
  budget.left -= bytes.byteLength
  return { copied: true, value: new Uint8Array(bytes) }
}

function copyFields(value: object, depth: number, budget: Budget): Record<string, unknown> {
  const copies: Record<string, unknown> = {}
  for (const [key, field] of Object.entries(value)) {
    if (budget.left <= 0) break
    budget.left -= key.length
    const copied = copy(field, depth - 1, budget)
    if (copied.copied && key !== '__proto__') copies[key] = copied.value
  }
  return copies
}
