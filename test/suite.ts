/**
 * Runs every test file as a process of its own, two at a time. Without this file tap would start them itself, with a module
 * hook of its own for coverage that it gives to every process and thread that a test starts: clusters of threads then take
 * 2.6 times the CPU (measured with test/cluster/sessions-cookies on Node 20: 13.1 s instead of 5.0 s). One file alone
 * runs by `npx tap dist/test/….test.js`, or by node itself.
 */
import { readdir } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
/** Test files at a time: CI machines have two cores. */
const JOBS = 2
/** Longest time for one file, ms. */
const FILE_TIMEOUT_MS = 180_000
/** The longest ones, begun first, so that no core is idle at the end. */
const FIRST = 'cluster'

const files = (await readdir(FOLDER, { recursive: true }))
  .filter(name => name.endsWith('.test.js'))
  .sort((a, b) => Number(b.startsWith(FIRST)) - Number(a.startsWith(FIRST)) || a.localeCompare(b))

t.setTimeout(0)
t.jobs = JOBS
for (const file of files) {
  const path = join(FOLDER, file)
  t.spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, '--enable-source-maps', path], {
    name: relative(process.cwd(), path),
    buffered: true,
    timeout: FILE_TIMEOUT_MS,
  })
}
