/** An app whose file is rewritten by a test, as a deploy does. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Test } from 'tap'

/** It counts as the load expects, and tells its release under /release. */
const GOOD = (release: string) => `
export default async (req, res) => {
  if (req.url === '/release') return res.end(${JSON.stringify(release)})
  if (req.url === '/read') return res.end(String(req.session.count ?? 'none'))
  if (req.url === '/wait') return setTimeout(() => res.end('waited in ' + ${JSON.stringify(release)}), 1000)
  if (req.url === '/stream') {
    const tick = setInterval(() => res.write('tick\\n'), 20)
    return res.on('close', () => clearInterval(tick))
  }
  if (req.url === '/busy') for (const end = performance.now() + 20; performance.now() < end; );
  // Begins a session some time after it was asked.
  if (req.url === '/late') await new Promise(go => setTimeout(go, 20 + 300 * Math.random()))
  req.session.count = (req.session.count ?? 0) + 1
  res.end(String(req.session.count))
}
`

/** Ways of an app to be no good. */
export const BROKEN = {
  throws: `throw new Error('broken for the test')`,
  exits: `process.exit(3)`,
  'exports nothing that runs': `export default 42`,
  'fails soon after it has loaded': `
    export default (req, res) => res.end()
    setTimeout(() => { throw new Error('broken a moment later') }, 50)
  `,
} as const

/** The app of one test. */
export interface Releases {
  /** Absolute path. */
  readonly file: string
  /** Writes good code that calls itself so. */
  release(name: string): Promise<void>
  /** Writes code that is no good. */
  break(how: keyof typeof BROKEN): Promise<void>
}

/** Makes an app in a folder of its own, removed with the test. */
export async function releases(t: Test): Promise<Releases> {
  const folder = await mkdtemp(join(tmpdir(), 'troupe-release-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const file = join(folder, 'app.mjs')
  const release = (name: string) => writeFile(file, GOOD(name))
  await release('first')
  return { file, release, break: how => writeFile(file, BROKEN[how]) }
}
