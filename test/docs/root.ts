/** Where this project's own pages are. */
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** @returns the folder of package.json, wherever the file at `url` was compiled to */
export function rootOf(url: string): URL {
  const levels = fileURLToPath(url).split('/').length
  for (let up = 1; up < levels; up++) {
    const folder = new URL('../'.repeat(up), url)
    if (existsSync(new URL('package.json', folder))) return folder
  }
  throw new Error(`no package.json above ${url}`)
}
