/**
 * Programs that tests run for real and that not every machine has. Where one is missing its tests are skipped, with the
 * reason; with CI=true they fail, so that nobody takes a run that has skipped some for a whole one.
 */
import t from 'tap'
import { lacks, type Program } from './programs.js'

export { lacks } from './programs.js'

/** Skips the whole test file when a program is missing: to be called before its first test. @throws as {@link lacks} */
export function needs(program: Program): void {
  const reason = lacks(program)
  if (reason === null) return
  t.plan(0, reason)
  process.exit()
}
