/** Every error code that the compiled code under lib/ can give to an operator, a client or a caller. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Where a code can stand; the first group is the code, or text with codes in quotes. */
const PLACES: readonly RegExp[] = [
  // Fields of error classes, computed ones too: up to the end of the statement.
  /^\s*(?:this\.)?code = ([^;]+);/gm,
  // What the admin listener answers: the second argument.
  /errorAnswer\([^,]+,([^,]+),/g,
  // What a session host answers.
  /\bstatus: \d+, code: ('[^']+')/g,
]
const CODE = /['"`]([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*)['"`]/g
/** Node's own. */
const NOT_OURS = /^(E[A-Z]+|ERR_.*)$/
/** Each must have a code. */
const ERROR_CLASS = /class (\w+) extends (?:TroupeError|\w+Error)\b/g

/** @returns each code with the files that have it, relative to lib/ */
export function codesInLib(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [file, text] of filesOfLib()) {
    for (const place of PLACES) {
      for (const [, where = ''] of text.matchAll(place)) {
        for (const [, code = ''] of where.matchAll(CODE)) {
          if (!NOT_OURS.test(code)) found.set(code, [...(found.get(code) ?? []), file])
        }
      }
    }
  }
  return found
}

/** @returns files that have more classes of errors than codes: what {@link codesInLib} may have missed */
export function filesWithUncodedErrors(): string[] {
  return [...filesOfLib()]
    .filter(([, text]) => {
      const classes = [...text.matchAll(ERROR_CLASS)].length
      const codes = [...text.matchAll(/^\s*(?:this\.)?code = /gm)].length
      return classes > codes
    })
    .map(([file]) => file)
}

function* filesOfLib(): Iterable<readonly [file: string, text: string]> {
  const folder = fileURLToPath(new URL('../../lib/', import.meta.url))
  for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    if (file.endsWith('.js')) yield [file, readFileSync(join(folder, file), 'utf8')]
  }
}
