import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { DOCUMENTED } from './differences.js'
import { matrix } from './frameworks.js'

t.test('docs/conformance.md has the matrix that is tested, and a section for each difference', async t => {
  const page = await readFile(join(process.cwd(), 'docs/conformance.md'), 'utf8')
  t.ok(page.includes(matrix()), `the matrix is:\n${matrix()}`)
  const sections = [...page.matchAll(/^### (.+)$/gm)].map(([, title]) => title)
  for (const { title } of DOCUMENTED) t.ok(sections.includes(title), title)
})
