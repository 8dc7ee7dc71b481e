/**
 * The kinds of value that a configuration file is made of. Each is a zod schema whose every message completes the
 * sentence "expected ...", since that is how problems.ts prints it.
 */
import bytes from 'bytes'
import ms from 'ms'
import { z } from 'zod'

/** The longest delay of a Node.js timer is 2^31 - 1 ms, a little more than 24 days. */
export const TIMER_MS_MAX = 24 * 24 * 60 * 60 * 1000

const DURATION = /^\d+(\.\d+)?\s?(ms|s|m|h|d|w)$/
const SIZE = /^\d+(\.\d+)?\s?(b|kb|mb|gb)$/i

/** An object with these keys and no others; left out, it is as if it were empty. */
export function section<Shape extends z.ZodRawShape>(shape: Shape, what: string) {
  const known = Object.keys(shape).filter(key => key !== '$schema')
  return z.strictObject(shape, {
    error: issue =>
      issue.code === 'unrecognized_keys'
        ? `one of the known keys: ${known.join(', ')}`
        : `an object with ${what}`,
  })
}

/** A text of at least one character that fits the pattern. */
export function text(what: string, pattern = /^[^\0]+$/) {
  return z.string(what).regex(pattern, what)
}

/** true or false. */
export function flag() {
  return z.boolean('true or false')
}

/** One of these words. */
export function oneOf<const Words extends readonly [string, ...string[]]>(words: Words) {
  return z.enum(words, `one of ${words.map(word => `"${word}"`).join(', ')}`)
}

/** A whole number within bounds, both included. `alternative` ends the message: what else the key may be. */
export function wholeNumber(min: number, max: number, what = 'a whole number', alternative = '') {
  const expected = `${what} from ${min} to ${max}${alternative}`
  return z.int(expected).min(min, expected).max(max, expected)
}

/** A TCP port; 0, where it is allowed, picks a free one. */
export function port(min: 0 | 1) {
  return wholeNumber(min, 65_535, 'a port: a whole number')
}

/** A whole number within bounds, or one word that stands for another. */
export function wholeNumberOr<const Word extends string>(min: number, max: number, word: Word) {
  const number = wholeNumber(min, max, 'a whole number', `, or "${word}"`)
  return z.union([number, z.literal(word)], `a whole number from ${min} to ${max}, or "${word}"`)
}

/** A length of time, `"30m"` or a number of ms; becomes ms. Bounds in ms, both included. */
export function duration(min: number, max: number = TIMER_MS_MAX) {
  const expected = `a duration from ${ms(min)} to ${ms(max)}: a text such as "30s" or "2h", or a number of ms`
  return z
    .union([z.int(expected).min(0, expected), z.string().regex(DURATION, expected)], expected)
    .transform(value => (typeof value === 'number' ? value : Math.round(ms(value as ms.StringValue))))
    .refine(value => value >= min && value <= max, expected)
}

/** An amount of memory, `"64kb"` or a number of bytes; becomes bytes. Bounds in bytes, both included. */
export function size(min: number, max: number) {
  const expected = `a size from ${sizeText(min)} to ${sizeText(max)}: a text such as "64kb" or "1gb", or a number of bytes`
  return z
    .union([z.int(expected).min(0, expected), z.string().regex(SIZE, expected)], expected)
    .transform(value => bytes.parse(value) ?? Number.NaN)
    .refine(value => value >= min && value <= max, expected)
}

function sizeText(value: number): string {
  return (bytes.format(value) ?? `${value}B`).toLowerCase()
}
