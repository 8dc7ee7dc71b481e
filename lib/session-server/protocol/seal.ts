/**
 * The seal that ends each block of an answer: a line that is no JSON. It says whether more blocks follow, and carries
 * the block's MAC when the request was signed. What stands before a seal counts once the seal has been checked; an
 * answer without its last seal was cut off.
 */
import { type AnswerBlock, answerMac } from './signature.js'

/** Begins every seal; no JSON text begins with it. */
export const SEAL_MARK = '#'

/** A seal as read. */
export interface Seal {
  readonly isLast: boolean
  /** Null when the request was not signed. */
  readonly mac: string | null
}

/** @param secret null when the request was not signed @returns the line, without its line feed */
export function sealOf(secret: string | null, block: AnswerBlock): string {
  const seal = `${SEAL_MARK} ${block.isLast ? 'end' : 'more'}`
  return secret === null ? seal : `${seal} ${answerMac(secret, block)}`
}

/** @returns null when the line is no seal */
export function parseSeal(line: string): Seal | null {
  const match = /^# (end|more)(?: ([\w-]{43}))?$/.exec(line)
  return match === null ? null : { isLast: match[1] === 'end', mac: match[2] ?? null }
}
