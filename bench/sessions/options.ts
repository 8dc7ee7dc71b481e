/** Options that the benches of many sessions have in common. */
import { wholeNumberOption } from '../../lib/cli/options.js'

export const SESSIONS_MAX = 10_000_000

/** @returns a parser of whole numbers from 1, separated by commas */
export function numbers(max: number): (text: string) => number[] {
  return text => text.split(',').map(each => wholeNumberOption(1, max)(each))
}
