/** Programs that tests and commands run for real. No test runner is needed to ask for them. */
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** As .ci/run installs them. */
export type Program = 'redis-server' | 'ip' | 'openssl' | 'curl' | 'wrk'

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
