/** `npm run chaos -- [--minutes N] [--seed S] [--report DIR]`: what befalls real hosts, and what their clients see. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { chaos } from './chaos.js'
import { chaosTable, chaosTimeline } from './chaos-report.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '5' },
    seed: { type: 'string', default: String(Date.now() % 100_000) },
    report: { type: 'string' },
  },
})
console.log(`seed ${values.seed}: chaos of ${values.minutes} minutes`)
const ends: (() => unknown)[] = []
const end = async () => {
  for (const each of ends.splice(0)) await each()
}
// Namespaces and mounts would outlive this process.
for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void end().finally(() => process.exit(1)))
}
try {
  const scope = { teardown: (end: () => unknown) => void ends.unshift(end) }
  const { seed, minutes } = { seed: Number(values.seed), minutes: Number(values.minutes) }
  const report = await chaos(scope, { seed, minutes, onRound: line => console.log(line) })
  const table = chaosTable(report).join('\n')
  console.log(table)
  for (const line of report.lastWords) console.log(line)
  if (values.report !== undefined) {
    await mkdir(values.report, { recursive: true })
    await writeFile(join(values.report, `chaos-${seed}.md`), `${table}\n`)
    await writeFile(join(values.report, `chaos-${seed}.svg`), chaosTimeline(report))
  }
  if (report.violations.length > 0) process.exitCode = 1
} finally {
  await end()
}
