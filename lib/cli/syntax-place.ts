/** Where a syntax error is: an error that comes out of `import()` says what is wrong, not in which file. */
import { execFile } from 'node:child_process'

/** Longest time to look at a file, ms. */
const CHECK_MS = 5_000
/** What a check prints: the place, the line, what is wrong, and a few lines of Node's own stack. */
const OUTPUT_LINES = 5

/**
 * @param files those that may be at fault
 * @returns file, line and what is wrong, as `node --check` prints it; null when they are sound
 */
export async function syntaxErrorText(files: readonly string[]): Promise<string | null> {
  for (const file of files) {
    if (!/\.[cm]?js$/.test(file)) continue
    const text = await check(file)
    if (text !== null) return text
  }
  return null
}

function check(file: string): Promise<string | null> {
  return new Promise(resolve => {
    execFile(process.execPath, ['--check', file], { timeout: CHECK_MS }, (error, _stdout, stderr) => {
      const isFound = error !== null && stderr.includes('SyntaxError')
      resolve(isFound ? linesOf(stderr).slice(0, OUTPUT_LINES).join('\n') : null)
    })
  })
}

function linesOf(text: string): string[] {
  return text.split('\n').filter(line => line.trim() !== '')
}
