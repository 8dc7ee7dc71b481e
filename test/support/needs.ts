/**
 * Programs that tests run for real and that not every machine has. Where one is missing its tests are skipped, with the
 * reason; with CI=true they fail, so that nobody takes a run that has skipped some for a whole one.
 */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import t from 'tap'

/** As .ci/run installs them. */
export type Program = 'redis-server' | 'ip' | 'openssl' | 'curl' | 'wrk'

/** Skips the whole test file when a program is missing: to be called before its first test. @throws as {@link lacks} */
export function needs(program: Program): void {
  const reason = lacks(program)
  if (reason === null) return
  t.plan(0, reason)
  process.exit()
}

/**
 * @returns why something has to be left out, or null when the program is there
 * @throws with CI=true instead
 */
export function lacks(program: Program): string | null {
  if ((process.env.PATH ?? '').split(delimiter).some(folder => isProgram(join(folder, program)))) return null
  const reason = `${program} is not installed`
  if (process.env.CI === 'true') throw new Error(`${reason}: with CI=true no test is skipped, see .ci/run`)
  return reason
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
