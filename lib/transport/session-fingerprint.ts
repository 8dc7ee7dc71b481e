/** Session ids are secrets: this stands for one where people and logs can see it. */
import { createHash } from 'node:crypto'

/** Sessions by the million differ in it; and it is short enough to be read out. */
const CHARACTERS = 12

/** @returns the same text for the same id, from which nobody finds the id */
export function fingerprintOf(id: string): string {
  return createHash('sha256').update(id).digest('hex').slice(0, CHARACTERS)
}

/** @returns whether a text looks like one; an id of 24 random bytes never does */
export function isFingerprint(text: string): boolean {
  return text.length === CHARACTERS && /^[0-9a-f]+$/.test(text)
}
